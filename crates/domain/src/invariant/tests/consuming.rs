//! I1 to I10, I15, I17 and I23: what a consume loop does.

use super::scene::{FAILED, FATAL, Scene, event, group, id, key, letter, place, scene, start, topic};
use super::{Case, bad, good};
use crate::handler::Cancellation;
use crate::invariant::Invariant::{I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I15, I17, I22, I23};
use crate::invariant::{Digest, Happening, Load, MemberId, Outcome};
use crate::position::{PartitionNumber, Position, Resume};
use crate::publisher::PublishFault;

const DONE: Outcome = Outcome::Done;

fn member(n: u32) -> MemberId {
    MemberId(n)
}

/// Two events of one aggregate and one of another, published and assigned.
fn three() -> Scene {
    scene().publish(1, "a").publish(2, "a").publish(3, "b").assign(1, 1, None)
}

pub(super) fn cases() -> Vec<Case> {
    [may(), loss(), overlap(), retries(), commits(), letters(), cancelled()].into_iter().flatten().collect()
}

fn may() -> Vec<Case> {
    vec![
        good(
            "all is handled and committed",
            three().done(1, "a").done(3, "b").done(2, "a").commit(4).after(60),
        ),
        good(
            "retries end well",
            three().run(1, "a", FAILED).done(3, "b").done(1, "a").done(2, "a").commit(4),
        ),
        good(
            "a dead letter is skipped",
            three().run(1, "a", FAILED).bury(1, "a").done(2, "a").done(3, "b").commit(4).after(60),
        ),
        good(
            "a crash replays in order",
            replayed(three().done(1, "a").say(Happening::Crashed { member: member(1) })),
        ),
        good("a handover drains first", replayed(three().done(1, "a").commit(1).release(1, 1))),
        good(
            "an entry is buried again after a crash before its commit",
            three()
                .run(1, "a", FATAL)
                .bury(1, "a")
                .lose(1, 1)
                .assign(1, 2, None)
                .run(1, "a", FATAL)
                .bury(1, "a")
                .done(2, "a")
                .done(3, "b")
                .commit(4),
        ),
        good(
            "a lost partition's last start comes behind the news",
            three()
                .done(1, "a")
                .lose(1, 1)
                .assign(1, 2, None)
                .done(2, "a")
                .after(1)
                .done(1, "a")
                .done(2, "a")
                .done(3, "b")
                .commit(4),
        ),
        good(
            "a ghost's success is adopted",
            three()
                .start(1, 1, 1, "a")
                .lose(1, 1)
                .assign(1, 2, None)
                .end(1, DONE)
                .done(2, "a")
                .done(3, "b")
                .commit(4),
        ),
        good(
            "a redriven event runs again behind its followers",
            three()
                .run(1, "a", FATAL)
                .bury(1, "a")
                .done(2, "a")
                .done(3, "b")
                .commit(4)
                .say(Happening::Redriven { place: place(1) })
                .done(1, "a"),
        ),
        good("a gap is passed", three().gap(1, 3).done(3, "b").commit(4)),
    ]
}

/// Member 2 takes over, handles everything again, and commits.
fn replayed(scene: Scene) -> Scene {
    scene
        .assign(2, 1, None)
        .start(2, 1, 1, "a")
        .end(1, DONE)
        .start(2, 2, 2, "a")
        .end(2, DONE)
        .start(2, 3, 3, "b")
        .end(3, DONE)
        .commit(4)
}

fn loss() -> Vec<Case> {
    let mut changed = start(1, 1, 1, "a");
    changed.event.digest = Digest(99);
    let mut moved = start(1, 1, 1, "a");
    moved.place = place(2);
    let deleted = Happening::Deleted {
        topic: topic(),
        partition: PartitionNumber(0),
        upto: Resume::At(Position::new(3)),
    };
    let refused = |fault| Happening::PublishRefused { event: event(1, "a"), fault };
    let again = Happening::Published {
        event: event(2, "a"),
        partition: PartitionNumber(0),
        position: Some(Position::new(1)),
    };
    vec![
        bad(I1, "an acknowledged event is never handled", three().done(1, "a").done(3, "b")),
        bad(I1, "an event only failed", scene().publish(1, "a").assign(1, 1, None).run(1, "a", FAILED)),
        bad(
            I1,
            "nobody of the group ever got the partition",
            scene()
                .say(Happening::Subscribed { member: member(1), group: group(), topics: vec![topic()] })
                .publish(1, "a"),
        ),
        bad(I2, "the bytes changed", three().say(Happening::HandlerStarted(changed))),
        bad(I2, "an event came from nowhere", three().start(1, 1, 7, "z")),
        bad(I2, "an event stands where another was published", three().say(Happening::HandlerStarted(moved))),
        bad(I22, "a refused event is handled", scene().say(refused(PublishFault::Busy)).done(1, "a")),
        bad(I22, "an unknown outcome is called refused", scene().say(refused(PublishFault::Unknown))),
        bad(I22, "two events are acknowledged in one place", scene().publish(1, "a").say(again)),
        bad(I23, "a deleted event is not reported", three().say(deleted.clone()).done(3, "b")),
        bad(I23, "the report covers more than what is gone", three().say(deleted).gap(1, 4)),
    ]
}

fn overlap() -> Vec<Case> {
    let mut stubborn = start(1, 1, 1, "a");
    stubborn.cancellation = Cancellation::Finish;
    let taken = || three().start(1, 1, 1, "a").assign(2, 1, None);
    let joined = || Happening::Subscribed { member: member(1), group: group(), topics: vec![topic()] };
    let left = || Happening::SessionEnded { member: member(1), group: group(), topics: vec![topic()] };
    let effect = |n| Happening::EffectApplied { place: place(n), id: id(n), key: key("a") };
    vec![
        bad(I3, "two events of an aggregate run at once", three().start(1, 1, 1, "a").start(1, 2, 2, "a")),
        bad(I3, "one event runs twice at once", three().start(1, 1, 1, "a").start(1, 2, 1, "a")),
        bad(
            I3,
            "a returned partition starts beside its ghost",
            three().start(1, 1, 1, "a").lose(1, 1).assign(1, 2, None).start(1, 2, 1, "a"),
        ),
        bad(I3, "a group is joined twice", scene().say(joined()).say(joined())),
        good("a group is joined again after it was left", scene().say(joined()).say(left()).say(joined())),
        good(
            "an overtaken run ends within the fence",
            taken()
                .after(5)
                .end(1, DONE)
                .start(2, 2, 2, "a")
                .end(2, DONE)
                .start(2, 3, 3, "b")
                .end(3, DONE)
                .commit(4),
        ),
        bad(I5, "an overtaken run ends behind the fence", taken().after(7).end(1, DONE)),
        bad(I5, "an overtaken run never ends", taken().after(7)),
        bad(I5, "an overtaken bus starts behind the fence", three().assign(2, 1, None).after(7).done(1, "a")),
        bad(I5, "a partition is given up while a handler runs", three().start(1, 1, 1, "a").release(1, 1)),
        good(
            "what cannot be cancelled may outlive its partition",
            three()
                .say(Happening::HandlerStarted(stubborn))
                .release(1, 1)
                .assign(2, 1, None)
                .after(9)
                .end(1, DONE)
                .start(2, 2, 2, "a")
                .end(2, DONE)
                .start(2, 3, 3, "b")
                .end(3, DONE)
                .commit(4),
        ),
        bad(I5, "effects come out of order", three().say(effect(2)).say(effect(1))),
        bad(I9, "an event takes effect twice", three().done(1, "a").say(effect(1)).say(effect(1))),
    ]
}

fn retries() -> Vec<Case> {
    let rate = |load, per_second| Happening::RateSampled { load, per_second };
    vec![
        bad(I4, "the second starts first", three().done(2, "a").done(1, "a")),
        bad(I4, "the next starts while the first runs", three().start(1, 1, 1, "a").start(1, 2, 2, "a")),
        bad(I4, "one tenure goes back", three().done(1, "a").done(2, "a").done(1, "a")),
        bad(I4, "what is done is done again", three().done(1, "a").done(1, "a")),
        bad(
            I4,
            "a replay starts below the checkpoint",
            three().done(1, "a").commit(2).release(1, 1).assign(1, 2, Some(2)).done(1, "a"),
        ),
        bad(
            I4,
            "a replay passes one that failed in it",
            three()
                .done(1, "a")
                .done(2, "a")
                .release(1, 1)
                .assign(1, 2, None)
                .run(1, "a", FAILED)
                .done(2, "a"),
        ),
        bad(I6, "the next starts while the first backs off", three().run(1, "a", FAILED).start(1, 2, 2, "a")),
        bad(I6, "the next starts behind a panic", three().run(1, "a", Outcome::Panicked).start(1, 2, 2, "a")),
        bad(
            I6,
            "the others lose their rate",
            scene().say(rate(Load::Undisturbed, 1_000)).say(rate(Load::BesideRetries, 799)),
        ),
        good(
            "the others keep their rate",
            scene().say(rate(Load::Undisturbed, 1_000)).say(rate(Load::BesideRetries, 800)),
        ),
    ]
}

fn commits() -> Vec<Case> {
    let quiet = || three().done(1, "a").done(2, "a").done(3, "b");
    vec![
        bad(I7, "a commit passes what runs", three().start(1, 1, 1, "a").commit(2)),
        bad(I7, "a commit passes what backs off", three().run(1, "a", FAILED).commit(2)),
        bad(I7, "a commit passes what was never started", three().done(2, "a").commit(3)),
        bad(I7, "a commit passes what is published later in the telling", scene().commit(2).publish(1, "a")),
        bad(I8, "nothing is committed", quiet().after(6)),
        bad(I8, "the last event is not committed", quiet().commit(3).after(6)),
        good("the commit is not due yet", quiet().after(4)),
        good("nobody owns the partition", quiet().lose(1, 1).after(60)),
    ]
}

fn letters() -> Vec<Case> {
    let died = || three().run(1, "a", FATAL);
    let listed =
        |listing, digest| Happening::LetterListed { listing, place: place(1), digest: Digest(digest) };
    let rest = |scene: Scene| scene.done(2, "a").done(3, "b");
    let mut changed = letter(1, "a");
    if let Happening::DeadLettered { digest, .. } = &mut changed {
        *digest = Digest(99);
    }
    let redriven = || rest(died().bury(1, "a")).say(Happening::Redriven { place: place(1) });
    vec![
        bad(I10, "an entry is buried twice", died().bury(1, "a").bury(1, "a")),
        bad(I10, "an entry is buried after the commit", died().commit(2).bury(1, "a")),
        bad(I10, "an entry has other bytes", died().say(changed)),
        bad(I10, "an event is buried that never failed", three().bury(1, "a")),
        bad(I10, "a fatal failure has no entry", died().done(3, "b")),
        bad(
            I10,
            "an entry is not listed",
            rest(died().bury(1, "a")).run(2, "a", FAILED).bury(2, "a").say(listed(1, 1)),
        ),
        bad(I10, "an entry is listed twice", died().bury(1, "a").say(listed(1, 1)).say(listed(1, 1))),
        bad(I10, "a listed entry has other bytes", died().bury(1, "a").say(listed(1, 99))),
        good(
            "each listing has the entry once",
            rest(died().bury(1, "a")).say(listed(1, 1)).say(listed(2, 1)),
        ),
        good(
            "what closed no lane is redriven behind a live event",
            redriven().publish(4, "a").done(4, "a").commit(5).done(1, "a"),
        ),
        bad(I15, "a second failure does not return", redriven().run(1, "a", FAILED)),
        good("a second failure returns", redriven().run(1, "a", FATAL).back(1).commit(4)),
    ]
}

fn cancelled() -> Vec<Case> {
    let left = || Happening::TransactionLeftOpen { about: "inbox".to_owned() };
    vec![
        bad(I17, "a transaction is open", scene().say(left())),
        bad(I17, "a permit is lost", scene().say(Happening::PermitLost { about: "publish".to_owned() })),
        bad(I17, "a dropped event is forgotten", three().run(1, "a", Outcome::Dropped).done(3, "b")),
        good(
            "a dropped event is handled again",
            three().run(1, "a", Outcome::Dropped).done(1, "a").done(2, "a").done(3, "b").commit(4),
        ),
    ]
}

//! I1, I2, I4, I7, I10 and I15 where aggregates wait behind their dead letter in a store.

use super::scene::{DONE, FAILED, FATAL, Scene, event, key, letter, place, scene};
use super::{Case, bad, good};
use crate::invariant::Invariant::{I1, I2, I4, I6, I7, I10, I15};
use crate::invariant::{Digest, Happening, Limits, MemberId};

pub(super) fn cases() -> Vec<Case> {
    [waiting(), redriven(), handed_over(), entries()].into_iter().flatten().collect()
}

/// Three of one aggregate and one of another; the first dies, the second follows it, the last is handled.
fn parked() -> Scene {
    let four = scene().publish(1, "a").publish(2, "a").publish(3, "a").publish(4, "b").assign(1, 1, None);
    four.die(1, "a").park(2, "a").done(4, "b")
}

/// The same with everything in the store, and committed.
fn stored() -> Scene {
    parked().park(3, "a").commit(5)
}

fn listed(n: u64) -> Happening {
    Happening::LetterListed { listing: 1, place: place(n), digest: Digest(n) }
}

fn waiting() -> Vec<Case> {
    let through = |n, scene: Scene| scene.redrive(n).done(n, "a").leave(n);
    vec![
        good("what is parked waits for an operator", stored().after(60)),
        good("what is parked is listed", stored().say(listed(1)).say(listed(2)).say(listed(3))),
        good("an operator lets all go", stored().let_go(1).let_go(2).let_go(3)),
        good(
            "the next owner redrives",
            through(3, through(2, through(1, stored().release(1, 1).assign(1, 2, Some(5))))),
        ),
        good(
            "a failed head waits in the store until its next attempt",
            through(
                2,
                through(
                    1,
                    scene()
                        .publish(1, "a")
                        .publish(2, "a")
                        .assign(1, 1, None)
                        .run(1, "a", FAILED)
                        .park(1, "a")
                        .park(2, "a")
                        .commit(3),
                ),
            ),
        ),
        bad(I1, "a parked event is let go as handled, and was not", stored().leave(1)),
        bad(I1, "a follower is neither parked nor handled", parked().commit(2)),
        bad(I7, "a commit passes a follower that is not in the store", parked().commit(4)),
        bad(I4, "a live event overtakes what is parked", parked().done(3, "a")),
        bad(I4, "a follower starts while its head is parked", stored().redrive(2).start(1, 9, 2, "a")),
    ]
}

/// Everything, handed out again.
fn again() -> Scene {
    stored().redrive(1).redrive(2).redrive(3)
}

fn redriven() -> Vec<Case> {
    vec![
        good(
            "all are handled in order, and leave",
            again().done(1, "a").done(2, "a").done(3, "a").leave(1).leave(2).leave(3),
        ),
        good("the head fails again and returns", again().run(1, "a", FATAL).back(1)),
        good(
            "a retry in its lane ends well",
            again().run(1, "a", FAILED).done(1, "a").leave(1).done(2, "a").leave(2).done(3, "a").leave(3),
        ),
        good(
            "live events come behind the last that leaves",
            again()
                .done(1, "a")
                .done(2, "a")
                .done(3, "a")
                .publish(5, "a")
                .done(5, "a")
                .leave(1)
                .leave(2)
                .leave(3),
        ),
        good(
            "one that was handled is read again before it is written that it leaves",
            again().done(1, "a").redrive(1).done(2, "a").leave(1).leave(2),
        ),
        good("what closes no lane is redriven, and fails as a live event starts", {
            let two =
                scene().publish(1, "a").publish(2, "a").assign(1, 1, None).run(1, "a", FATAL).bury(1, "a");
            two.redrive(1).run(1, "a", FATAL).done(2, "a").back(1)
        }),
        bad(I15, "a follower overtakes its redriven head", again().start(1, 9, 2, "a")),
        bad(I4, "a live event starts in the middle of a redrive", {
            again().done(1, "a").publish(5, "a").start(1, 9, 5, "a")
        }),
        bad(I6, "a follower starts while its head backs off", {
            again().run(1, "a", FAILED).start(1, 9, 2, "a")
        }),
        bad(I15, "a second failure does not return", again().run(1, "a", FAILED)),
        bad(I15, "one leaves as handled that failed", again().run(1, "a", FAILED).leave(1)),
        bad(
            I15,
            "one that left starts again in the same hands",
            again().done(1, "a").leave(1).redrive(1).start(1, 9, 1, "a").end(9, DONE),
        ),
    ]
}

fn handed_over() -> Vec<Case> {
    vec![
        good(
            "an owner goes in the middle, and the next one redrives again",
            again()
                .done(1, "a")
                .run(2, "a", FAILED)
                .say(Happening::Crashed { member: MemberId(1) })
                .assign(1, 2, Some(5))
                .redrive(1)
                .redrive(2)
                .redrive(3)
                .done(1, "a")
                .done(2, "a")
                .done(3, "a")
                .leave(1)
                .leave(2)
                .leave(3),
        ),
        good(
            "an owner goes before it says that the head failed again",
            again().run(1, "a", FATAL).lose(1, 1).assign(2, 1, Some(5)),
        ),
        good("a member that stood still for two tenures of others starts what has left since", {
            let left = again().assign(2, 2, Some(5)).redrive(1).start(2, 9, 1, "a");
            let gone = left.end(9, DONE).leave(1).say(Happening::Crashed { member: MemberId(2) });
            gone.start(1, 10, 1, "a").end(10, DONE)
        }),
        good("a late member buries what has left, and an operator redrives the letter", {
            let left =
                again().run(1, "a", FATAL).lose(1, 1).assign(2, 2, Some(5)).redrive(1).start(2, 9, 1, "a");
            let late = left.end(9, DONE).leave(1).bury(1, "a").redrive(1);
            late.start(2, 10, 1, "a").end(10, DONE).leave(1)
        }),
        bad(
            I15,
            "the next owner's follower overtakes what was handled, has not left and is handled again",
            {
                let next = again().done(1, "a").release(1, 1).assign(2, 2, Some(5));
                next.redrive(1).redrive(2).start(2, 9, 2, "a").end(9, DONE)
            },
        ),
        bad(
            I15,
            "one that left is redelivered to the next owner and handled",
            again()
                .done(1, "a")
                .leave(1)
                .release(1, 1)
                .assign(2, 1, Some(1))
                .start(2, 9, 1, "a")
                .end(9, DONE),
        ),
    ]
}

fn entries() -> Vec<Case> {
    let left = || stored().redrive(1).done(1, "a").leave(1);
    let edited = || stored().say(Happening::Edited { place: place(1), digest: Digest(9) });
    let mut changed = super::scene::start(1, 77, 1, "a");
    changed.event.digest = Digest(9);
    let handled =
        |scene: Scene| scene.redrive(1).say(Happening::HandlerStarted(changed.clone())).end(77, DONE);
    let wrong = Happening::Parked { place: place(3), key: Some(key("a")), digest: event(7, "a").digest };
    vec![
        good("an answer that was lost lets a write be repeated", stored().park(2, "a").park(3, "a")),
        good("an edited entry is handled as it is now", handled(edited())),
        bad(I2, "an entry is handled as nobody edited it", handled(stored())),
        bad(I10, "a parked entry has other bytes", parked().say(wrong)),
        bad(I10, "an entry that left is parked again", left().park(1, "a")),
        bad(I10, "an entry that left is listed", left().say(listed(1)).say(listed(2)).say(listed(3))),
        bad(I10, "a parked entry is not listed", stored().say(listed(1)).say(listed(2))),
        bad(I10, "a dead head becomes a follower", stored().park(1, "a")),
    ]
}

#[test]
fn what_was_buried_without_its_aggregate_is_redriven_beside_what_that_has_parked() {
    let broken = |keyed: bool| {
        let mut second = letter(2, "a");
        if let Happening::DeadLettered { key, .. } = &mut second {
            *key = key.take().filter(|_| keyed);
        }
        let both = scene().publish(1, "a").publish(2, "a").assign(1, 1, None).run(2, "a", FATAL).say(second);
        let redriven = both.die(1, "a").redrive(1).redrive(2).done(2, "a").leave(2);
        I15.violations(&redriven.history, &Limits::default()).len()
    };
    assert_eq!((broken(false), broken(true)), (0, 1));
}

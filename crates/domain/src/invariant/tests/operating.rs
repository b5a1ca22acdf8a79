//! I16, I18 to I21 and I24: shutdown, memory, isolation, health, modes, rates.

use std::time::Duration;

use super::scene::{Scene, group, scene, scope};
use super::{Case, bad, good};
use crate::invariant::Invariant::{I16, I18, I19, I20, I21, I24};
use crate::invariant::{Happening, Link, Load, MemberId, Outcome, RecoveryMode};
use crate::position::{Position, Resume};
use crate::time::Monotonic;

const ME: MemberId = MemberId(1);

pub(super) fn cases() -> Vec<Case> {
    [shutdown(), memory(), isolation(), health(), modes(), rates()].into_iter().flatten().collect()
}

fn one() -> Scene {
    scene().publish(1, "a").assign(1, 1, None)
}

fn rates() -> Vec<Case> {
    let four = || scene().publish(1, "a").publish(2, "b").publish(3, "c").publish(4, "d").assign(1, 1, None);
    let limited = |scene: Scene| {
        let every = Duration::from_secs(2);
        scene.say(Happening::RateLimited { member: ME, group: group(), tenant: None, every, burst: 2 })
    };
    let two = || limited(four()).done(1, "a").done(2, "b");
    let woken = || Happening::Woken { member: ME };
    vec![
        good("a burst, and then one after the other", two().after(2).done(3, "c").after(2).done(4, "d")),
        good("what stood still starts with what comes then", two().say(woken()).done(3, "c").done(4, "d")),
        bad(I24, "a third one starts at once", two().done(3, "c")),
        bad(I24, "a stretch has too many, though no moment has", two().after(1).done(3, "c")),
        bad(I24, "a pause brings back half a burst", two().after(2).done(3, "c").done(4, "d")),
    ]
}

fn shutdown() -> Vec<Case> {
    let signal =
        |by| Happening::Signalled { member: ME, deadline: Monotonic::ZERO + Duration::from_secs(by) };
    let closed = || Happening::Closed { member: ME };
    let ended = |scene: Scene| scene.release(1, 1).say(closed());
    let stored = Happening::CommitStored { scope: scope(), resume: Resume::At(Position::new(2)) };
    let again = |accepted| Happening::PublishAfterClose { member: ME, accepted };
    let down = || Happening::ConnectionDown { link: Link::Broker };
    vec![
        good(
            "what runs ends",
            ended(one().start(1, 1, 1, "a").say(signal(9)).after(2).end(1, Outcome::Done).commit(2)),
        ),
        bad(I18, "a handler starts after the signal", one().say(signal(9)).after(1).done(1, "a")),
        bad(I18, "the bus closes late", one().done(1, "a").say(signal(9)).after(10).say(closed())),
        bad(I18, "the bus never closes", one().done(1, "a").say(signal(9)).after(10)),
        bad(I18, "a closed bus takes an event", scene().say(again(true))),
        good("a closed bus refuses an event", scene().say(again(false))),
        bad(
            I18,
            "the last commit is handled again",
            ended(one().done(1, "a").commit(2)).assign(1, 2, None).done(1, "a"),
        ),
        bad(
            I18,
            "a confirmed commit is handled again",
            one().done(1, "a").commit(2).say(stored).lose(1, 1).assign(2, 1, None).start(2, 1, 1, "a"),
        ),
        good(
            "a commit that a dead broker never got is handled again",
            ended(one().done(1, "a").commit(2).say(down()))
                .say(Happening::ConnectionUp { link: Link::Broker })
                .assign(1, 2, None)
                .done(1, "a"),
        ),
    ]
}

fn memory() -> Vec<Case> {
    let sample = |mib: u64| Happening::MemorySampled { bytes: mib << 20 };
    vec![
        good("the buffers fill", scene().say(sample(100)).say(sample(164))),
        bad(I19, "more than the buffers fills", scene().say(sample(100)).say(sample(165))),
        bad(I19, "memory grows from a low", scene().say(sample(200)).say(sample(100)).say(sample(190))),
    ]
}

fn isolation() -> Vec<Case> {
    let rate = |load, per_second| Happening::RateSampled { load, per_second };
    let hung = || {
        one().publish(2, "b").publish(3, "c").start(1, 1, 1, "a").start(1, 2, 2, "b").end(2, Outcome::Done)
    };
    let finish = |scene: Scene| scene.end(1, Outcome::Done).commit(4);
    let blocked = || scene().say(Happening::ThreadBlocked { member: ME });
    let named = || Happening::BlockNamed { member: ME };
    vec![
        bad(I20, "everybody stands still beside a hang", hung().after(11)),
        bad(
            I20,
            "the others start only after the hang",
            finish(hung().after(11).end(1, Outcome::Done)).done(3, "c"),
        ),
        good("the others go on beside a hang", finish(hung().done(3, "c").after(60))),
        bad(
            I20,
            "a panic stops the bus",
            one().run(1, "a", Outcome::Panicked).publish(2, "b").run(1, "a", Outcome::Panicked).after(11),
        ),
        bad(
            I20,
            "the others lose their rate",
            scene().say(rate(Load::Undisturbed, 10)).say(rate(Load::BesideHang, 7)),
        ),
        bad(I20, "a blocked thread is never named", blocked().after(11)),
        bad(I20, "a blocked thread is named late", blocked().after(11).say(named())),
        good("a blocked thread is named", blocked().after(9).say(named()).after(60)),
    ]
}

fn health() -> Vec<Case> {
    let down = || scene().after(60).say(Happening::ConnectionDown { link: Link::Broker });
    let up = || Happening::ConnectionUp { link: Link::Broker };
    let ready = |ready| Happening::HealthSampled { ready };
    let lag = |reported| Happening::LagSampled { reported, actual: 1_000 };
    vec![
        good(
            "health follows",
            down()
                .after(1)
                .say(ready(true))
                .after(10)
                .say(ready(false))
                .say(up())
                .after(11)
                .say(ready(true))
                .say(lag(1_010)),
        ),
        bad(I21, "ready without a broker", down().after(11).say(ready(true))),
        bad(I21, "not ready although the broker is back", down().say(up()).after(11).say(ready(false))),
        bad(I21, "lag is off", scene().say(lag(1_011))),
    ]
}

fn modes() -> Vec<Case> {
    use RecoveryMode::{Draining, Normal, Recovering};
    let switch = |from, to| Happening::RecoverySwitched { group: group(), from, to };
    let around = || scene().say(switch(Normal, Recovering)).after(61).say(switch(Recovering, Draining));
    vec![
        good("a recovery goes around", around().after(1).say(switch(Draining, Normal))),
        bad(I16, "draining is left out", scene().say(switch(Recovering, Normal))),
        bad(
            I16,
            "the mode flaps",
            around().say(switch(Draining, Recovering)).after(1).say(switch(Recovering, Draining)),
        ),
        bad(
            I16,
            "a switch leaves a mode that it was not in",
            around().after(61).say(switch(Normal, Recovering)),
        ),
    ]
}

//! I4, I5, I6 and I10 where partitions change hands, where processes stand still, and where the broker deletes.

use super::scene::{FAILED, FATAL, Scene, place, scene};
use super::{Case, bad, good};
use crate::invariant::Invariant::{I4, I5, I6, I10};
use crate::invariant::{Happening, MemberId, Outcome};

const DONE: Outcome = Outcome::Done;

pub(super) fn cases() -> Vec<Case> {
    [entries(), late(), ghosts(), gaps(), frozen()].into_iter().flatten().collect()
}

fn three() -> Scene {
    scene().publish(1, "a").publish(2, "a").publish(3, "b").assign(1, 1, None)
}

/// Member 2 handles the second and the third.
fn rest(scene: Scene) -> Scene {
    scene.start(2, 8, 2, "a").end(8, DONE).start(2, 9, 3, "b").end(9, DONE).commit(4)
}

/// The partition is lost and comes again before anything of it has started.
fn again() -> Scene {
    three().lose(1, 1).assign(1, 2, None)
}

fn both_a(scene: Scene) -> Scene {
    scene.done(1, "a").done(2, "a")
}

fn entries() -> Vec<Case> {
    let passed = || three().run(1, "a", FATAL).bury(1, "a").commit(2);
    let taken_over = || three().run(1, "a", FATAL).lose(1, 1).assign(2, 1, None);
    vec![
        good(
            "the next owner buries again what a commit passed that nobody stored",
            rest(passed().lose(1, 1).assign(2, 1, None).start(2, 1, 1, "a").end(1, FATAL).bury(1, "a")),
        ),
        good(
            "what is redriven long after its commit fails again",
            rest(passed().release(1, 1).assign(2, 1, Some(2)))
                .say(Happening::Redriven { place: place(1) })
                .start(2, 1, 1, "a")
                .end(1, FATAL)
                .back(1),
        ),
        good(
            "a ghost writes its entry behind the next owner's",
            rest(taken_over().start(2, 2, 1, "a").end(2, FATAL).bury(1, "a").bury(1, "a")),
        ),
        good(
            "a ghost tries again what the next owner buried",
            rest(
                three()
                    .run(1, "a", FAILED)
                    .assign(2, 1, None)
                    .start(2, 2, 1, "a")
                    .end(2, FATAL)
                    .bury(1, "a")
                    .done(1, "a"),
            ),
        ),
        good(
            "a ghost fails for good with what the next owner buried",
            rest(
                three()
                    .start(1, 1, 1, "a")
                    .assign(2, 1, None)
                    .start(2, 2, 1, "a")
                    .end(2, FATAL)
                    .bury(1, "a")
                    .end(1, FATAL),
            ),
        ),
        bad(
            I4,
            "the only owner tries again what it buried",
            three().run(1, "a", FATAL).bury(1, "a").run(1, "a", FAILED),
        ),
        bad(
            I10,
            "two members write three entries",
            taken_over().start(2, 2, 1, "a").end(2, FATAL).bury(1, "a").bury(1, "a").bury(1, "a"),
        ),
        bad(
            I10,
            "the next owner writes the first entry behind the commit",
            three().run(1, "a", FATAL).commit(2).lose(1, 1).assign(2, 1, None).bury(1, "a"),
        ),
    ]
}

/// Workers that hear late of what became of their partition.
fn late() -> Vec<Case> {
    vec![
        good(
            "a worker tries again once more before it hears that its tenure is over",
            three()
                .done(1, "a")
                .run(2, "a", FAILED)
                .lose(1, 1)
                .assign(1, 2, None)
                .run(2, "a", FAILED)
                .done(1, "a")
                .done(2, "a")
                .done(3, "b")
                .commit(4),
        ),
        good(
            "a worker that hears late starts its old tenure's whole queue, and the new one's after it",
            both_a(again()).done(1, "a").done(2, "a").done(3, "b").commit(4),
        ),
        good(
            "a worker that hears late of two new tenures starts the queue of each",
            both_a(both_a(again()).lose(1, 2).assign(1, 3, None))
                .done(1, "a")
                .done(2, "a")
                .done(3, "b")
                .commit(4),
        ),
        bad(
            I4,
            "a worker starts more queues than there were tenures",
            both_a(both_a(again())).done(1, "a").done(2, "a").done(3, "b").commit(4),
        ),
        bad(
            I4,
            "a worker goes back in a tenure of which it has long heard",
            both_a(both_a(again().after(1))).done(3, "b").commit(4),
        ),
    ]
}

fn ghosts() -> Vec<Case> {
    let both = || three().start(1, 1, 1, "a").assign(2, 1, None).start(2, 2, 1, "a").end(2, FAILED);
    let third = || three().publish(4, "a").start(1, 1, 1, "a").lose(1, 1).assign(2, 1, None);
    vec![
        good("an entry ends the back-off of owner and ghost", rest(both().end(1, FAILED).bury(1, "a"))),
        good(
            "a ghost's failure holds nothing up that another member settled meanwhile",
            rest(third().start(2, 2, 1, "a").end(2, DONE))
                .release(2, 1)
                .assign(1, 2, Some(4))
                .end(1, FAILED)
                .done(4, "a")
                .commit(5),
        ),
        bad(I6, "the owner goes on while it backs off beside a ghost", rest(both().end(1, FAILED))),
    ]
}

fn gaps() -> Vec<Case> {
    let fourth = || three().publish(4, "a");
    let taken = |scene: Scene| scene.lose(1, 1).assign(2, 1, None);
    vec![
        good(
            "what backs off is deleted",
            three().run(1, "a", FAILED).gap(1, 2).done(2, "a").done(3, "b").commit(4),
        ),
        good("what failed for good is deleted", rest(taken(three().run(1, "a", FATAL)).gap(1, 2))),
        good(
            "a ghost fails for good with what is deleted",
            rest(taken(three().start(1, 1, 1, "a")).gap(1, 2).end(1, FATAL)),
        ),
        good(
            "a ghost buries what is deleted",
            rest(taken(three().start(1, 1, 1, "a")).gap(1, 2)).end(1, FATAL).bury(1, "a"),
        ),
        good(
            "a ghost fails with what is deleted",
            rest(taken(three().start(1, 1, 1, "a")).gap(1, 2).end(1, FAILED)),
        ),
        bad(
            I6,
            "the next starts although another was deleted than what backs off",
            fourth().run(1, "a", FAILED).gap(2, 3).start(1, 1, 4, "a"),
        ),
        bad(
            I10,
            "what failed for good has no entry, and another was deleted",
            three().run(1, "a", FATAL).gap(2, 3).done(3, "b"),
        ),
    ]
}

fn frozen() -> Vec<Case> {
    let one = MemberId(1);
    let asleep = || three().start(1, 1, 1, "a").say(Happening::Frozen { member: one });
    let woken = |scene: Scene| scene.assign(2, 1, None).after(60).say(Happening::Woken { member: one });
    vec![
        good("what stood still ends a moment after it goes on", rest(woken(asleep()).after(5).end(1, DONE))),
        bad(I5, "what stood still runs on behind the fence", woken(asleep()).after(7).end(1, DONE)),
        good(
            "what stood still hears of an old assignment last",
            rest(
                three()
                    .lose(1, 1)
                    .say(Happening::Frozen { member: one })
                    .assign(2, 3, None)
                    .start(2, 1, 1, "a")
                    .end(1, DONE)
                    .after(60)
                    .say(Happening::Woken { member: one })
                    .assign(1, 2, None)
                    .lose(1, 2)
                    .after(9),
            ),
        ),
        bad(
            I5,
            "what stood still starts by an old assignment",
            three()
                .lose(1, 1)
                .say(Happening::Frozen { member: one })
                .assign(2, 3, None)
                .say(Happening::Woken { member: one })
                .assign(1, 2, None)
                .after(7)
                .done(1, "a"),
        ),
        bad(
            I5,
            "what stood still had been overtaken long before",
            three()
                .start(1, 1, 1, "a")
                .assign(2, 1, None)
                .after(7)
                .say(Happening::Frozen { member: one })
                .after(1)
                .say(Happening::Woken { member: one })
                .end(1, DONE),
        ),
    ]
}

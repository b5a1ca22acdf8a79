//! I6 and I10 where partitions change hands, and where the broker deletes.

use super::scene::{FAILED, FATAL, Scene, place, scene};
use super::{Case, bad, good};
use crate::invariant::Invariant::{I6, I10};
use crate::invariant::{Happening, Outcome};

const DONE: Outcome = Outcome::Done;

pub(super) fn cases() -> Vec<Case> {
    [entries(), ghosts(), gaps()].into_iter().flatten().collect()
}

fn three() -> Scene {
    scene().publish(1, "a").publish(2, "a").publish(3, "b").assign(1, 1, None)
}

/// Member 2 handles the second and the third.
fn rest(scene: Scene) -> Scene {
    scene.start(2, 8, 2, "a").end(8, DONE).start(2, 9, 3, "b").end(9, DONE).commit(4)
}

fn entries() -> Vec<Case> {
    let passed = || three().run(1, "a", FATAL).bury(1, "a").commit(2);
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
                .bury(1, "a"),
        ),
        bad(
            I10,
            "the next owner writes the first entry behind the commit",
            three().run(1, "a", FATAL).commit(2).lose(1, 1).assign(2, 1, None).bury(1, "a"),
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

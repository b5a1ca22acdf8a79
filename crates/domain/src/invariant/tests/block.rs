//! What `AfterDeadLetter::Block` changes.

use super::super::{Invariant, Limits};
use super::scene::{FATAL, Scene, scene};
use crate::dead_letter::AfterDeadLetter;

fn broken(scene: &Scene) -> Vec<Invariant> {
    let limits = Limits { after_dead_letter: AfterDeadLetter::Block, ..Limits::default() };
    let breaks = |invariant: &&Invariant| !invariant.violations(&scene.history, &limits).is_empty();
    Invariant::all().iter().filter(breaks).copied().collect()
}

fn blocked() -> Scene {
    let two = scene().publish(1, "a").publish(2, "a").publish(3, "b").assign(1, 1, None);
    two.run(1, "a", FATAL).bury(1, "a").done(3, "b")
}

#[test]
fn a_blocked_aggregate_waits_and_so_does_the_commit() {
    assert_eq!(broken(&blocked().after(60)), []);
}

#[test]
fn a_restart_tries_the_dead_one_again() {
    let restarted = blocked().release(1, 1).assign(1, 2, None).done(1, "a").done(2, "a").commit(4);
    assert_eq!(broken(&restarted), []);
}

#[test]
fn what_comes_behind_a_dead_letter_starts_too_early() {
    assert!(broken(&blocked().done(2, "a")).contains(&Invariant::I4));
}

#[test]
fn a_commit_passes_a_dead_letter_that_blocks() {
    assert_eq!(broken(&blocked().commit(2)), [Invariant::I7]);
}

/// The head is dead, and the partition was lost while the last one ran in its old tenure.
fn lost() -> Scene {
    let two = scene().publish(1, "a").publish(2, "b").assign(1, 1, None);
    two.run(1, "a", FATAL).bury(1, "a").start(1, 1, 2, "b").lose(1, 1).assign(1, 2, None)
}

#[test]
fn what_failed_before_the_partition_was_lost_waits_for_the_dead_letter_ahead() {
    // Whether the group may wait for that is the question of I1.
    let kept = broken(&lost().end(1, FATAL).run(1, "a", FATAL).bury(1, "a").after(60));
    assert!(!kept.contains(&Invariant::I10), "{kept:?}");
}

#[test]
fn what_failed_in_the_hands_of_the_owner_needs_its_entry_behind_a_dead_letter_too() {
    let again = lost().end(1, FATAL).run(1, "a", FATAL).bury(1, "a").run(2, "b", FATAL);
    assert!(broken(&again.after(60)).contains(&Invariant::I10));
}

#[test]
fn what_failed_before_the_partition_was_lost_needs_its_entry_where_nothing_is_ahead() {
    let one = scene().publish(1, "a").assign(1, 1, None).start(1, 1, 1, "a").lose(1, 1).assign(1, 2, None);
    assert!(broken(&one.end(1, FATAL).after(60)).contains(&Invariant::I10));
}

#[test]
fn a_commit_passes_what_failed_behind_a_dead_letter() {
    assert!(broken(&lost().end(1, FATAL).commit(3)).contains(&Invariant::I10));
}

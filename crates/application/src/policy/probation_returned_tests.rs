//! Entries that come back from the dead-letter store, on probation.

use super::ProbationAction::{AskAlone, Bury, LetGo, Mark, Run};
use super::*;

fn at(position: u64) -> Position {
    Position::new(position)
}

/// A tenure in health that has begun.
fn healthy() -> Probation {
    let mut probation = Probation::begin(&Marks::default(), ProbationPolicy::default(), 7);
    assert_eq!(turn(&mut probation), [Mark]);
    assert_eq!(say(&mut probation, ProbationInput::Marked(true)), []);
    probation
}

fn say(probation: &mut Probation, input: ProbationInput) -> Vec<ProbationAction> {
    let mut out = Vec::new();
    probation.step(input, &mut out);
    out
}

fn turn(probation: &mut Probation) -> Vec<ProbationAction> {
    let mut out = Vec::new();
    probation.turn(true, &mut out);
    out
}

/// Entries come back that so many crashes found begun, and want to start.
fn comes_back(probation: &mut Probation, entries: &[(u64, u32)]) -> Vec<ProbationAction> {
    for (position, crashes) in entries {
        say(probation, ProbationInput::Returned(at(*position), *crashes));
    }
    assert!(probation.holds_starts());
    entries.iter().flat_map(|(position, _)| say(probation, ProbationInput::Ready(at(*position)))).collect()
}

#[test]
fn entries_that_crashes_found_begun_start_in_a_batch_that_the_store_knows_of_and_no_checkpoint() {
    let mut probation = healthy();
    assert_eq!(comes_back(&mut probation, &[(5, 2), (6, 2)]), []);
    assert_eq!(turn(&mut probation), [Mark]);
    assert_eq!(probation.named_returned(), [at(5), at(6)].into());
    assert_eq!(probation.marks().entries, []);
    assert_eq!(say(&mut probation, ProbationInput::Marked(true)), [Run(at(5)), Run(at(6))]);
}

#[test]
fn an_entry_that_was_named_at_a_crash_runs_alone() {
    let mut probation = healthy();
    assert_eq!(comes_back(&mut probation, &[(5, 3), (6, 2)]), []);
    assert_eq!(turn(&mut probation), [AskAlone]);
    assert_eq!(say(&mut probation, ProbationInput::Granted), []);
    assert_eq!(turn(&mut probation), [Mark]);
    assert_eq!((probation.named_returned(), probation.is_alone()), ([at(5)].into(), true));
    assert_eq!(say(&mut probation, ProbationInput::Marked(true)), [Run(at(5))]);
    say(&mut probation, ProbationInput::Ended(at(5), true));
    probation.keep_returned(|position| position == at(6));
    assert_eq!(turn(&mut probation), [Mark]);
    assert_eq!(probation.named_returned(), BTreeSet::new(), "it is not blamed for what others do");
    assert_eq!(say(&mut probation, ProbationInput::Marked(true)), [LetGo]);
    assert_eq!(turn(&mut probation), [Mark]);
    assert_eq!(probation.named_returned(), [at(6)].into());
}

#[test]
fn an_entry_that_three_crashes_found_alone_dies_unstarted() {
    let mut probation = healthy();
    assert_eq!(comes_back(&mut probation, &[(5, 6), (6, 5)]), [Bury(at(5))]);
    assert_eq!((probation.lone_crashes(at(5)), probation.lone_crashes(at(6))), (3, 2));
}

#[test]
fn neither_the_watermark_nor_quiet_says_anything_of_entries() {
    let mut probation = healthy();
    comes_back(&mut probation, &[(5, 4)]);
    say(&mut probation, ProbationInput::Watermark(Resume::After(at(9))));
    say(&mut probation, ProbationInput::Quiet);
    assert_eq!(turn(&mut probation), [AskAlone]);
    probation.keep_returned(|_| false);
    assert!(!probation.is_on_probation(), "it is with the store again");
}

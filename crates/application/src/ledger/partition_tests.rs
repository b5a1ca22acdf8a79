use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const BUDGET: usize = 4096;

fn fresh() -> PartitionLedger {
    PartitionLedger::assign(None, Resume::Start).0
}

fn slot(opening: Opening) -> Slot {
    match opening {
        Opening::Fresh(slot, _) => slot,
        Opening::Done => panic!("not open"),
    }
}

#[test]
fn the_watermark_is_the_oldest_open_position() {
    let mut ledger = fresh();
    let slots: Vec<_> = [3, 7, 9].map(|p| slot(ledger.open(Position::new(p)))).into();
    assert_eq!(ledger.settle(slots[1]), Settled::Held);
    assert_eq!(ledger.standing(BUDGET).resume, Resume::At(Position::new(3)));
    assert_eq!(ledger.settle(slots[0]), Settled::Moved);
    assert_eq!(ledger.standing(BUDGET).resume, Resume::At(Position::new(9)));
    assert_eq!(ledger.settle(slots[2]), Settled::Moved);
    assert_eq!(ledger.standing(BUDGET).resume, Resume::After(Position::new(9)));
    assert_eq!(ledger.settle(slots[2]), Settled::Stale);
}

#[test]
fn a_repeated_delivery_within_a_tenure_opens_nothing() {
    let mut ledger = fresh();
    slot(ledger.open(Position::new(3)));
    assert_eq!(ledger.open(Position::new(3)), Opening::Done);
    assert_eq!(ledger.open(Position::new(1)), Opening::Done);
    assert_eq!(ledger.open_count(), 1);
}

#[test]
fn failed_attempts_come_back_with_the_next_owner() {
    let mut ledger = fresh();
    let first = slot(ledger.open(Position::new(3)));
    ledger.failed(first, 4);
    let stored = ledger.checkpoint(BUDGET).unwrap();
    let (mut next, foreign) = PartitionLedger::assign(Some(&stored), Resume::Start);
    assert_eq!(foreign, None);
    assert!(matches!(next.open(Position::new(3)), Opening::Fresh(_, 4)));
    assert!(matches!(next.open(Position::new(4)), Opening::Fresh(_, 0)));
}

#[test]
fn what_a_former_owner_finished_is_committed_once_it_is_read() {
    let mut ledger = fresh();
    let open = slot(ledger.open(Position::new(3)));
    let above = slot(ledger.open(Position::new(4)));
    ledger.settle(above);
    let stored = ledger.checkpoint(BUDGET).unwrap();
    assert_eq!(ledger.settle(open), Settled::Moved);
    let (mut next, _) = PartitionLedger::assign(Some(&stored), Resume::Start);
    let open = slot(next.open(Position::new(3)));
    next.settle(open);
    assert_eq!(next.checkpoint(BUDGET).unwrap().resume, Resume::After(Position::new(3)));
    assert_eq!(next.open(Position::new(4)), Opening::Done);
    assert_eq!(next.checkpoint(BUDGET).map(|stored| stored.resume), Some(Resume::After(Position::new(4))));
}

#[test]
fn a_foreign_state_is_ignored_and_said() {
    let stored = StoredCheckpoint { resume: Resume::At(Position::new(5)), state: "hello".into() };
    let (mut ledger, foreign) = PartitionLedger::assign(Some(&stored), Resume::Start);
    assert!(foreign.is_some());
    assert!(matches!(ledger.open(Position::new(5)), Opening::Fresh(_, 0)));
}

#[test]
fn progress_over_positions_that_hold_nothing_moves_the_end() {
    let mut ledger = fresh();
    ledger.checkpoint(BUDGET);
    ledger.progress(Resume::At(Position::new(20)));
    assert_eq!(ledger.checkpoint(BUDGET).unwrap().resume, Resume::At(Position::new(20)));
    assert_eq!(ledger.checkpoint(BUDGET), None);
}

#[test]
fn a_tenure_that_ends_while_a_commit_is_unanswered_says_again_where_it_stands() {
    let mut ledger = fresh();
    let open = slot(ledger.open(Position::new(3)));
    ledger.settle(open);
    let sent = ledger.checkpoint(BUDGET);
    assert_eq!(ledger.last(BUDGET), sent, "the one under way may be refused");
    ledger.answered(1, true);
    assert_eq!(ledger.last(BUDGET), None);
    ledger.answered(1, false);
    assert_eq!(ledger.checkpoint(BUDGET), sent);
}

#[test]
fn one_answer_for_several_checkpoints_leaves_none_of_them_open() {
    let mut ledger = fresh();
    for position in 1..=3 {
        let open = slot(ledger.open(Position::new(position)));
        ledger.settle(open);
        ledger.checkpoint(BUDGET);
    }
    ledger.answered(1, true);
    assert!(ledger.last(BUDGET).is_some(), "the newest may be refused");
    ledger.answered(3, true);
    assert_eq!(ledger.last(BUDGET), None, "the second was overtaken, and nobody answers it");
}

#[test]
fn what_is_finished_and_not_stored_is_ahead_of_what_the_broker_knows() {
    let mut ledger = fresh();
    ledger.count_ahead(true);
    let slots: Vec<Slot> = (1..=4).map(|position| slot(ledger.open(Position::new(position)))).collect();
    ledger.settle(slots[1]);
    assert_eq!(ledger.ahead(), 1);
    ledger.settle(slots[0]);
    assert_eq!(ledger.ahead(), 2, "the watermark has passed them, and nobody has heard of it");
    ledger.checkpoint(BUDGET);
    ledger.settle(slots[3]);
    assert_eq!(ledger.ahead(), 3);
    ledger.answered(1, true);
    assert_eq!(ledger.ahead(), 1);
}

/// One life of an owner: reads on, settles some, and crashes; the next one starts from its last checkpoint.
fn live(
    stored: Option<&StoredCheckpoint>,
    log: &[u64],
    steps: &[u16],
    done: &mut BTreeSet<u64>,
    budget: usize,
) -> Result<StoredCheckpoint, TestCaseError> {
    let (mut ledger, _) = PartitionLedger::assign(stored, Resume::Start);
    let mut unread = log
        .iter()
        .filter(|p| !ledger.read().is_past(Position::new(**p)))
        .copied()
        .collect::<Vec<_>>()
        .into_iter();
    let mut open = Vec::new();
    for step in steps {
        if step % 2 == 0 {
            let Some(position) = unread.next() else { continue };
            match ledger.open(Position::new(position)) {
                Opening::Fresh(slot, _) => open.push((position, slot)),
                Opening::Done => {
                    prop_assert!(done.contains(&position), "{} was never finished", position)
                }
            }
        } else if !open.is_empty() {
            let (position, slot) = open.remove(usize::from(step / 2) % open.len());
            prop_assert_ne!(ledger.settle(slot), Settled::Stale);
            done.insert(position);
        }
        let standing = ledger.standing(budget);
        prop_assert!(log.iter().all(|p| !standing.resume.is_past(Position::new(*p)) || done.contains(p)));
    }
    Ok(ledger.standing(budget))
}

proptest! {
    #[test]
    fn a_checkpoint_never_passes_an_unfinished_event_over_any_crashes(
        gaps in prop::collection::vec(1u64..4, 1..80),
        lives in prop::collection::vec(prop::collection::vec(any::<u16>(), 0..120), 1..5),
        budget in prop_oneof![Just(0usize), 8usize..40, Just(BUDGET)],
    ) {
        let log: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let (mut stored, mut done) = (None, BTreeSet::new());
        for steps in &lives {
            stored = Some(live(stored.as_ref(), &log, steps, &mut done, budget)?);
        }
    }

    #[test]
    fn with_room_for_its_state_nothing_finished_is_opened_again(
        steps in prop::collection::vec(any::<u16>(), 0..120), again in prop::collection::vec(any::<u16>(), 0..40),
    ) {
        let log: Vec<u64> = (1..80).collect();
        let mut done = BTreeSet::new();
        let mut stored = live(None, &log, &steps, &mut done, BUDGET)?;
        // A second owner that crashes before it has read everything again must not forget what the first finished.
        stored = live(Some(&stored), &log, &again, &mut done, BUDGET)?;
        let (mut ledger, _) = PartitionLedger::assign(Some(&stored), Resume::Start);
        for position in log {
            if let Opening::Fresh(..) = ledger.open(Position::new(position)) {
                prop_assert!(!done.contains(&position), "{} was finished", position);
            }
        }
    }
}

//! The ledger of one partition: what is open, how far reading came, what is safe to commit.

use bytes::Bytes;
use laneway_domain::{Position, Resume, StoredCheckpoint};

use super::attempts::Attempts;
use super::open::{OpenList, Slot};
use super::state::{Foreign, State};
use crate::policy::Marks;
use crate::sabotage::{Bug, is_planted};

/// What became of a position that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is open; it failed so often before.
    Fresh(Slot, u32),
    /// It was finished before, by us or by a former owner: nothing to do.
    Done,
}

/// What settling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The watermark moved: there is something new to commit.
    Moved,
    /// Something older is still open.
    Held,
    /// The partition is no longer ours in that tenure, or the slot is not open: nothing happened.
    Stale,
}

/// The ledger of one partition during one tenure.
///
/// The head of the open list is the watermark: everything before it is terminal (I7). What settles above it goes into
/// the checkpoint's state, so that a successor does not handle it again.
#[derive(Debug)]
pub struct PartitionLedger {
    open: OpenList,
    attempts: Attempts,
    read: Resume,
    inherited: Option<Inherited>,
    settled_above: bool,
    dirty: bool,
    marks: Marks,
    /// The number of the last checkpoint that was handed out, and of the last one that has an answer.
    handed: u64,
    answered: u64,
    /// What the watermark had passed with that, as far as it is counted.
    passed: Passed,
}

/// How many events the watermark had passed when a checkpoint was handed out, and with the last one that is stored.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    handed: usize,
    stored: usize,
}

/// What the former owner finished above its watermark; asleep once reading has passed its frontier.
#[derive(Debug)]
struct Inherited {
    state: State,
    next: usize,
}

impl PartitionLedger {
    /// Starts a tenure from the group's checkpoint, or from `initial` where there is none. The second value says why
    /// a checkpoint's state was ignored.
    pub(crate) fn assign(stored: Option<&StoredCheckpoint>, initial: Resume) -> (Self, Option<Foreign>) {
        let read = stored.map_or(initial, |stored| stored.resume);
        let state = stored.map(|stored| &stored.state).filter(|state| !state.is_empty());
        let (state, foreign) = match state.map(|bytes| State::decode(bytes)) {
            Some(Ok(state)) => (Some(state), None),
            Some(Err(foreign)) => (None, Some(foreign)),
            None => (None, None),
        };
        let marks = state.as_ref().map(|state| state.marks.clone()).unwrap_or_default();
        let ledger = Self {
            open: OpenList::new(),
            attempts: Attempts::default(),
            read,
            inherited: state.map(|state| Inherited { state, next: 0 }),
            settled_above: false,
            // The first point is committed at once where the group has none.
            dirty: stored.is_none(),
            marks,
            handed: 0,
            answered: 0,
            passed: Passed::default(),
        };
        (ledger, foreign)
    }

    /// Where reading goes on.
    #[must_use]
    pub fn read(&self) -> Resume {
        self.read
    }

    /// Where the oldest open position is, or where reading goes on if there is none.
    #[must_use]
    pub fn watermark(&self) -> Resume {
        self.open.head().map_or(self.read, Resume::At)
    }

    /// Begins to count what is finished above the watermark, or ends it.
    pub(crate) fn count_ahead(&mut self, counts: bool) {
        self.open.count(counts);
        if !counts {
            self.passed = Passed::default();
        }
    }

    /// How many events were finished since counting began that no stored checkpoint has passed.
    pub(crate) fn ahead(&self) -> usize {
        self.open.counted() + self.open.passed().saturating_sub(self.passed.stored)
    }

    /// How many positions are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Opens a position that was read. One that reading has passed already is `Done`: adapters may repeat themselves.
    #[inline]
    pub fn open(&mut self, position: Position) -> Opening {
        if self.read.is_past(position) && !is_planted(Bug::RedeliveryStartsTwice) {
            return Opening::Done;
        }
        self.read = Resume::After(position);
        match &mut self.inherited {
            None => Opening::Fresh(self.open.push(position), 0),
            Some(_) => self.open_inherited(position),
        }
    }

    #[cold]
    fn open_inherited(&mut self, position: Position) -> Opening {
        let attempts = match &mut self.inherited {
            Some(inherited) if position.value() < inherited.state.frontier => inherited.look_up(position),
            _ => {
                self.inherited = None;
                Some(0)
            }
        };
        let Some(attempts) = attempts else {
            self.settled_above = true;
            self.dirty = true;
            return Opening::Done;
        };
        let slot = self.open.push(position);
        if attempts > 0 {
            self.attempts.set(slot, attempts);
        }
        Opening::Fresh(slot, attempts)
    }

    /// Marks an open position as terminal.
    #[inline]
    pub fn settle(&mut self, slot: Slot) -> Settled {
        let Some(was_head) = self.open.remove(slot) else { return Settled::Stale };
        self.attempts.forget(slot);
        self.dirty = true;
        if was_head {
            return Settled::Moved;
        }
        self.settled_above = true;
        Settled::Held
    }

    /// What a planted bug does with what is still open.
    #[cold]
    pub(crate) fn settle_all(&mut self) {
        let open: Vec<Slot> = self.open.iter().map(|(slot, _)| slot).collect();
        for slot in open {
            self.settle(slot);
        }
    }

    /// Remembers that an open position failed so often.
    pub fn failed(&mut self, slot: Slot, attempts: u32) {
        self.attempts.set(slot, attempts);
        self.dirty = true;
    }

    /// Notes that everything before `upto` was read and holds nothing for us.
    pub fn progress(&mut self, upto: Resume) {
        if upto.rank() > self.read.rank() {
            self.read = upto;
            self.dirty = true;
        }
    }

    /// What to commit: nothing if nothing changed since the last one.
    pub fn checkpoint(&mut self, budget: usize) -> Option<StoredCheckpoint> {
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        self.handed += 1;
        self.passed.handed = self.open.passed();
        Some(self.standing(budget))
    }

    /// The last checkpoint of a tenure: also where nothing changed since one that is still under way, since that one may
    /// yet be refused.
    pub(crate) fn last(&mut self, budget: usize) -> Option<StoredCheckpoint> {
        (self.dirty || self.answered < self.handed).then(|| self.standing(budget))
    }

    /// Notes the answer to the checkpoint of this number, and so to every older one; after one that was not stored the next
    /// counts as new.
    pub fn answered(&mut self, number: u64, stored: bool) {
        self.dirty |= !stored;
        self.answered = self.answered.max(number);
        if stored && number == self.handed {
            self.passed.stored = self.passed.handed;
        }
    }

    /// The number of the last checkpoint that was handed out.
    #[must_use]
    pub fn handed(&self) -> u64 {
        self.handed
    }

    /// What the next owner has to know of crashes; at first what the one before said.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Sets what every checkpoint from now on says of crashes.
    pub fn set_marks(&mut self, marks: Marks) {
        self.dirty |= self.marks != marks;
        self.marks = marks;
    }

    /// Makes the next checkpoint count as new; its number.
    pub(crate) fn announce(&mut self) -> u64 {
        self.dirty = true;
        self.handed + 1
    }

    /// The open positions from a point on, the last one first.
    pub(crate) fn open_since(&self, point: Resume) -> impl Iterator<Item = Position> + '_ {
        self.open.iter_back().take_while(move |position| !point.is_past(*position))
    }

    /// Where the partition stands, changed or not.
    #[must_use]
    pub fn standing(&mut self, budget: usize) -> StoredCheckpoint {
        if self.open.len() == 0 {
            self.settled_above = false;
        }
        let resume = if is_planted(Bug::CommitPassesUnfinished) { self.read } else { self.watermark() };
        StoredCheckpoint { resume, state: self.state(budget) }
    }

    fn state(&self, budget: usize) -> Bytes {
        if budget == 0 {
            return Bytes::new();
        }
        let inherited = self.inherited.as_ref().filter(|inherited| inherited.reaches(self.read));
        let marks = self.marks.clone();
        if !self.settled_above && self.attempts.is_empty() && inherited.is_none() {
            let nothing_more = State { marks, frontier: 0, open: Vec::new() };
            return if self.marks.flags() == 0 { Bytes::new() } else { nothing_more.encode(budget) };
        }
        let mut state =
            State { marks, frontier: self.read.rank(), open: Vec::with_capacity(self.open.len()) };
        let open = self.open.iter().map(|(slot, position)| (position.value(), self.attempts.of(slot)));
        state.open.extend(open);
        if let Some(inherited) = inherited {
            state.frontier = inherited.state.frontier;
            state.open.extend(inherited.ahead(self.read));
        }
        state.encode(budget)
    }
}

impl Inherited {
    /// The failed attempts of an open position; nothing if it is finished.
    fn look_up(&mut self, position: Position) -> Option<u32> {
        let open = &self.state.open;
        while open.get(self.next).is_some_and(|(known, _)| *known < position.value()) {
            self.next += 1;
        }
        let (_, attempts) = open.get(self.next).filter(|(known, _)| *known == position.value())?;
        Some(*attempts)
    }

    fn reaches(&self, read: Resume) -> bool {
        read.rank() < self.state.frontier
    }

    /// What is open beyond the point up to which we read.
    fn ahead(&self, read: Resume) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.state.open.iter().copied().filter(move |(position, _)| !read.is_past(Position::new(*position)))
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            next.checkpoint(BUDGET).map(|stored| stored.resume),
            Some(Resume::After(Position::new(4)))
        );
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
}

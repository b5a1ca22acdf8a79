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
        self.open.removed().saturating_sub(self.passed.stored)
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
#[path = "partition_tests.rs"]
mod tests;

//! One partition: its log, the claims of groups on it, and the publishers that wait for room, behind one lock.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use laneway_domain::{Clock, CommitError, Epoch, Origin, Resume, StartFrom, StoredCheckpoint, Timestamp};

use crate::aftermath::Aftermath;
use crate::claim::{Claim, GroupKey};
use crate::group::SlotId;
use crate::log::{Found, Log, Stretch, Terms};
use crate::piece::{Bound, Piece};
use crate::room::{Answer, Room, Ticket};
use crate::rules::Rules;
use crate::seat::Seat;

/// A partition. Every method takes its lock once, for a short time; what wakes and frees comes after it has let go.
///
/// It may be called with a group's lock held, never the other way round.
// Neighbours are written by different threads; 128 bytes keep them out of each other's cache lines.
#[repr(align(128))]
pub(crate) struct Partition(Mutex<State>);

struct State {
    log: Log,
    claims: Vec<Claim>,
    room: Room,
    rules: Rules,
    closed: bool,
}

/// What publishing reached at once.
#[derive(Debug, Default)]
pub(crate) struct Landing {
    pub(crate) answer: Answer,
    /// Where the rest waits.
    pub(crate) ticket: Option<Ticket>,
}

/// What a reader gets.
pub(crate) enum Fetched {
    /// Events.
    Stretch(Stretch),
    /// The cursor's event is gone; this is the oldest that is kept.
    Gone(u64),
    /// Nothing yet; the reader's seat hears of what comes.
    End,
    /// The partition is no longer the reader's in that epoch.
    Fenced,
}

/// How far a group is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) events: u64,
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) oldest_kept: Option<Timestamp>,
    pub(crate) owned: bool,
}

impl Partition {
    pub(crate) fn new(rules: Rules) -> Self {
        let (log, room) = (Log::new(rules.keep.chunk()), Room::default());
        Self(Mutex::new(State { log, claims: Vec::new(), room, rules, closed: false }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Of others' code only the clock runs under the lock, before anything changes: a poisoned state is sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State, &mut Aftermath) -> T) -> T {
        let mut after = Aftermath::default();
        let result = act(&mut self.lock(), &mut after);
        after.settle();
        result
    }

    /// Appends what there is room for; the rest waits, or is left where it may not.
    pub(crate) fn append(&self, left: VecDeque<Piece>, origin: Origin, at: Timestamp) -> Landing {
        let mut answer = Answer { left, ..Answer::default() };
        self.with(|state, after| {
            answer.closed = state.closed;
            if !state.closed && !state.room.is_taken(origin) {
                state.append(&mut answer.left, &mut answer.spans, origin, at, after);
            }
            let waits = !answer.left.is_empty() && !state.closed;
            let ticket = waits.then(|| state.room.wait(origin, std::mem::take(&mut answer)));
            Landing { answer, ticket }
        })
    }

    /// What became of a publisher that waits, once it is known.
    pub(crate) fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Answer> {
        self.lock().room.poll(ticket, waker)
    }

    /// Ends a publisher's wait, and lets those behind it have its place.
    pub(crate) fn withdraw(&self, ticket: Ticket, clock: &dyn Clock) -> Answer {
        self.with(|state, after| {
            let answer = state.room.withdraw(ticket);
            state.serve(clock, after);
            answer
        })
    }

    /// Reads on behind `cursor`.
    pub(crate) fn fetch(&self, group: GroupKey, epoch: Epoch, cursor: u64) -> Fetched {
        let mut state = self.lock();
        let State { log, claims, .. } = &mut *state;
        let Some(claim) = claim_of(claims, group).filter(|claim| claim.admits(epoch)) else {
            return Fetched::Fenced;
        };
        match log.read(cursor) {
            Found::Stretch(stretch) => Fetched::Stretch(stretch),
            Found::Gone(oldest) => Fetched::Gone(oldest),
            Found::End => {
                claim.wait();
                Fetched::End
            }
        }
    }

    /// Stores a group's checkpoint, and appends for publishers that wait for the room it makes. The caller settles
    /// the aftermath, once it holds no lock either.
    pub(crate) fn commit(
        &self,
        group: GroupKey,
        epoch: Epoch,
        checkpoint: StoredCheckpoint,
        clock: &dyn Clock,
        after: &mut Aftermath,
    ) -> Result<(), CommitError> {
        let mut state = self.lock();
        let end = state.log.next();
        let claim = claim_of(&mut state.claims, group).ok_or(CommitError::Fenced)?;
        if claim.admits(epoch) && checkpoint.resume.rank() > end {
            let reason = format!("the partition ends at {end}, before {:?}", checkpoint.resume);
            return Err(CommitError::Retry(reason));
        }
        claim.store(epoch, checkpoint)?;
        state.serve(clock, after);
        Ok(())
    }

    /// Makes room for a group among the claims: from now on nothing goes that it needs.
    pub(crate) fn enroll(&self, group: GroupKey, start: StartFrom) {
        let mut state = self.lock();
        let (begin, commit) = match start {
            StartFrom::Earliest => (state.log.oldest(), false),
            StartFrom::Latest => (state.log.next(), true),
            StartFrom::At(at) => (state.log.first_since(at), true),
        };
        state.claims.push(Claim::new(group, begin, commit));
    }

    /// Removes a group: nothing is kept for it any more.
    pub(crate) fn strike(&self, group: GroupKey, clock: &dyn Clock) {
        self.with(|state, after| {
            state.claims.retain(|claim| claim.group != group);
            state.serve(clock, after);
        });
    }

    /// Gives the partition to a member; the group's checkpoint, and where to start without one.
    pub(crate) fn grant(
        &self,
        group: GroupKey,
        epoch: Epoch,
        seat: Arc<Seat>,
        slot: SlotId,
    ) -> (Option<StoredCheckpoint>, Resume) {
        let mut state = self.lock();
        let claim = claim_of(&mut state.claims, group);
        claim.map_or_else(Default::default, |claim| claim.grant(epoch, seat, slot))
    }

    /// Takes the partition away from the group's member that has it.
    pub(crate) fn vacate(&self, group: GroupKey) {
        if let Some(claim) = claim_of(&mut self.lock().claims, group) {
            claim.vacate();
        }
    }

    /// Changes what is kept; more room is used at once, less with the next event. The caller settles the aftermath.
    pub(crate) fn keep(&self, keep: Bound, clock: &dyn Clock, after: &mut Aftermath) {
        let mut state = self.lock();
        state.rules.keep = keep;
        state.log.resize_chunks(keep.chunk());
        state.serve(clock, after);
    }

    /// Ends every wait. Nothing is appended any more; reading and committing go on.
    pub(crate) fn close(&self) {
        self.with(|state, after| {
            state.closed = true;
            state.room.close(after);
        });
    }

    /// The position of the oldest event that is kept.
    pub(crate) fn oldest(&self) -> u64 {
        self.lock().log.oldest()
    }

    /// How far a group is behind; one that never came is behind with everything.
    pub(crate) fn lag(&self, group: Option<GroupKey>) -> Lag {
        let mut state = self.lock();
        let State { log, claims, .. } = &mut *state;
        let claim = group.and_then(|group| claim_of(claims, group));
        let next = claim.as_ref().map_or(0, |claim| claim.floor()).max(log.oldest());
        Lag {
            events: log.next().saturating_sub(next),
            oldest: log.appended(next),
            oldest_kept: log.appended(log.oldest()),
            owned: claim.is_some_and(|claim| claim.is_owned()),
        }
    }
}

impl State {
    fn append(
        &mut self,
        left: &mut VecDeque<Piece>,
        spans: &mut Vec<Range<u64>>,
        origin: Origin,
        at: Timestamp,
        after: &mut Aftermath,
    ) {
        let terms = Terms { limit: self.rules.limit(origin), floor: self.floor(), at };
        self.log.append(left, terms, spans, &mut after.dropped);
        if !spans.is_empty() {
            self.announce(after);
        }
    }

    fn floor(&self) -> u64 {
        self.rules.floor(self.claims.iter().map(Claim::floor).min())
    }

    fn serve(&mut self, clock: &dyn Clock, after: &mut Aftermath) {
        if self.room.is_empty() {
            return;
        }
        let terms = (self.floor(), clock.wall());
        if self.room.serve(&mut self.log, self.rules, terms, after) {
            self.announce(after);
        }
    }

    fn announce(&mut self, after: &mut Aftermath) {
        after.readers.extend(self.claims.iter_mut().filter_map(Claim::announce));
    }
}

fn claim_of(claims: &mut [Claim], group: GroupKey) -> Option<&mut Claim> {
    claims.iter_mut().find(|claim| claim.group == group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overflow;

    #[test]
    fn who_was_fenced_reads_nothing_whatever_it_has_heard() {
        let keep = Bound { events: 8, bytes: 100 };
        let rules = Rules { keep, overflow: Overflow::Wait, handler_reserve: 0 };
        let (partition, group) = (Partition::new(rules), GroupKey(1));
        partition.enroll(group, StartFrom::Earliest);
        let fetched = |epoch| matches!(partition.fetch(group, Epoch(epoch), 0), Fetched::Fenced);
        partition.grant(group, Epoch(1), Arc::default(), SlotId(0));
        assert!(!fetched(1));
        partition.grant(group, Epoch(2), Arc::default(), SlotId(0));
        assert!(fetched(1) && !fetched(2));
        partition.vacate(group);
        assert!(fetched(2));
    }
}

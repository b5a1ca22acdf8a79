//! One lane.

use laneway_domain::Monotonic;

use crate::policy::{Links, TenantSlot};

/// Names a lane until it is gone; a lane that is gone and one that took its place differ in their generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId {
    pub(crate) at: u32,
    pub(crate) generation: u32,
}

/// Stands for an event: a row of a run that the worker owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The run.
    pub run: u32,
    /// The row within it.
    pub row: u32,
}

/// What the event at the head of a lane is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It may start.
    Ready,
    /// It may start once it was named in a stored checkpoint, because its partition is on probation.
    Asking,
    /// Its handler runs.
    Running,
    /// It failed and waits for its next attempt.
    Waiting,
    /// It is on its way to the dead letters; nothing behind it starts before the store has it.
    Burying,
    /// It died, and the policy keeps what is behind it back.
    Blocked,
    /// Its handler still runs, though its tenure has ended.
    Ghost,
    /// The aggregate waits in the dead-letter store.
    Parked,
}

pub(crate) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) hash: u64,
    pub(crate) head: Ticket,
    /// The queue behind the head, as entries of the table's pool.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) queued: u32,
    pub(crate) generation: u32,
    /// The lane behind this one among those that are ready, or in the list of free places.
    pub(crate) next: u32,
    /// Whose turn it takes.
    pub(crate) tenant: TenantSlot,
    pub(crate) phase: Phase,
    /// Whether other events can find it: an event without an aggregate has a lane of its own that nobody finds.
    pub(crate) keyed: bool,
    /// Whether its queue was reported to be full.
    pub(crate) full: bool,
    /// Whether its head has failed: whoever keeps more about that looks it up only then.
    pub(crate) troubled: bool,
    /// Whether what arrives goes to the dead-letter store and does not queue.
    pub(crate) parked: bool,
}

impl Lane {
    #[inline]
    pub(crate) fn new(hash: u64, head: Ticket, tenant: TenantSlot, keyed: bool, generation: u32) -> Self {
        let (first, last, next) = (NONE, NONE, NONE);
        let (phase, full, troubled, parked) = (Phase::Ready, false, false, false);
        Self {
            hash,
            head,
            first,
            last,
            queued: 0,
            generation,
            next,
            tenant,
            phase,
            keyed,
            full,
            troubled,
            parked,
        }
    }
}

impl Links for [Lane] {
    #[inline]
    fn next(&self, lane: u32) -> Option<u32> {
        self.get(lane as usize).map(|lane| lane.next)
    }

    #[inline]
    fn next_mut(&mut self, lane: u32) -> Option<&mut u32> {
        self.get_mut(lane as usize).map(|lane| &mut lane.next)
    }
}

/// A lane that waits, as the timer heap orders it: the earliest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Alarm {
    pub(crate) due: Monotonic,
    pub(crate) lane: LaneId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_takes_at_most_48_bytes() {
        assert!(size_of::<Lane>() <= 48, "{}", size_of::<Lane>());
    }
}

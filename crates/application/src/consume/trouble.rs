//! What lanes remember of an event that failed, until it is terminal.

use hashbrown::HashMap;
use laneway_domain::{Monotonic, Timestamp};

use crate::lanes::LaneId;

/// The failures of the events at the heads of lanes. The lanes know which of them have any, so that the others pay nothing.
#[derive(Debug, Default)]
pub(crate) struct Troubles(HashMap<LaneId, Trouble, foldhash::fast::FixedState>);

/// The failures of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) attempts: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// When the next attempt is due.
    pub(crate) due: Monotonic,
}

impl Troubles {
    /// Notes a failed attempt; `before` counts those from before a crash or a rebalance.
    pub(crate) fn add(&mut self, lane: LaneId, before: u32, now: Timestamp) -> Trouble {
        let trouble = self.0.entry(lane).or_insert(Trouble {
            attempts: before,
            first: now,
            last: now,
            due: Monotonic::ZERO,
        });
        trouble.attempts = trouble.attempts.saturating_add(1);
        trouble.last = now;
        *trouble
    }

    /// How many attempts of the lane's head failed since this worker has it.
    pub(crate) fn attempts(&self, lane: LaneId) -> Option<u32> {
        self.0.get(&lane).map(|trouble| trouble.attempts)
    }

    /// Says when the next attempt of the lane's head is due.
    pub(crate) fn wait(&mut self, lane: LaneId, due: Monotonic) {
        self.0.entry(lane).and_modify(|trouble| trouble.due = due);
    }

    /// The failures of the lane's head.
    pub(crate) fn of(&self, lane: LaneId) -> Option<Trouble> {
        self.0.get(&lane).copied()
    }

    /// The event is terminal, or forgotten.
    pub(crate) fn forget(&mut self, lane: LaneId) {
        self.0.remove(&lane);
    }

    /// Keeps only what `stays` names.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(LaneId) -> bool) {
        self.0.retain(|lane, _| stays(*lane));
    }
}

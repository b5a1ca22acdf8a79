//! What lanes remember of an event that failed, until it is terminal.

use hashbrown::HashMap;
use laneway_domain::{HandlerMask, Monotonic, Timestamp};

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
    /// The handlers that have not succeeded.
    pub(crate) due: HandlerMask,
    /// When the next attempt may start.
    pub(crate) until: Monotonic,
}

impl Troubles {
    /// Notes a failed attempt that leaves `due`, and counts it if it `counts`; `before` counts those from before a crash or
    /// a rebalance.
    pub(crate) fn add(
        &mut self,
        lane: LaneId,
        before: u32,
        now: Timestamp,
        due: HandlerMask,
        counts: bool,
    ) -> Trouble {
        let none = Trouble { attempts: before, first: now, last: now, due, until: Monotonic::ZERO };
        let trouble = self.0.entry(lane).or_insert(none);
        trouble.attempts = trouble.attempts.saturating_add(u32::from(counts));
        trouble.last = now;
        // An attempt that knows nothing of handlers (a panic, a timeout) leaves those due that were.
        trouble.due = trouble.due.and(due);
        *trouble
    }

    /// How many attempts of the lane's head failed since this worker has it.
    pub(crate) fn attempts(&self, lane: LaneId) -> Option<u32> {
        self.0.get(&lane).map(|trouble| trouble.attempts)
    }

    /// Says when the next attempt of the lane's head may start.
    pub(crate) fn wait(&mut self, lane: LaneId, until: Monotonic) {
        self.0.entry(lane).and_modify(|trouble| trouble.until = until);
    }

    /// The failures of the lane's head.
    pub(crate) fn of(&self, lane: LaneId) -> Option<Trouble> {
        self.0.get(&lane).copied()
    }

    /// Which handlers the lane's head is due for.
    pub(crate) fn due(&self, lane: LaneId) -> HandlerMask {
        self.0.get(&lane).map_or(HandlerMask::ALL, |trouble| trouble.due)
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

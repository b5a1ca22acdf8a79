//! When waiting lanes are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use laneway_domain::Monotonic;

use super::lane::{Alarm, LaneId};

/// The alarms of waiting lanes. An alarm whose lane is gone rings for nobody.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<Alarm>>);

impl Timers {
    pub(crate) fn set(&mut self, due: Monotonic, lane: LaneId) {
        self.0.push(Reverse(Alarm { due, lane }));
    }

    pub(crate) fn next(&self) -> Option<Monotonic> {
        self.0.peek().map(|Reverse(alarm)| alarm.due)
    }

    /// A lane whose time has come.
    pub(crate) fn pop(&mut self, now: Monotonic) -> Option<LaneId> {
        self.next().filter(|due| *due <= now)?;
        self.0.pop().map(|Reverse(alarm)| alarm.lane)
    }
}

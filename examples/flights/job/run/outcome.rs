//! What a run of the job gives.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::backlog::Recovery;
use crate::job::order::Violation;
use crate::job::state::Books;

/// What a run of the job gives.
pub(crate) struct Outcome {
    /// The tables.
    pub(crate) books: Books,
    /// The group that keeps the state of each aircraft.
    pub(crate) aircraft: Figures,
    /// The group that counts.
    pub(crate) carriers: Figures,
    /// The most lanes of both groups at a time, as far as anybody looked.
    pub(crate) peaks: Peaks,
    /// Rules of order that were broken.
    pub(crate) violations: u64,
    /// How often an aircraft was taken back to an event that had been done.
    pub(crate) rewinds: u64,
    /// The first of the broken rules.
    pub(crate) shown: Vec<Violation>,
    /// How the group that keeps the aircraft worked its backlog off, where there was one.
    pub(crate) recovery: Option<Recovery>,
    /// From the first publish to the last commit.
    pub(crate) elapsed: Duration,
    /// From publishing an event to the end of its handler, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

/// What a group did, as the bus and the dead-letter store tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figures {
    /// Events that were handled.
    pub(crate) handled: u64,
    /// Those of them that had been parked: handled when they came back from the dead-letter store.
    pub(crate) redriven: u64,
    /// Events and rows in the dead-letter store at the end.
    pub(crate) dead_letters: u64,
    /// Those of them that are malformed rows, byte for byte.
    pub(crate) malformed_rows: u64,
    /// Failed attempts that were repeated.
    pub(crate) retries: u64,
    /// Commits of one partition each.
    pub(crate) commits: u64,
}

impl Figures {
    /// Whether each of `events` was handled or given up, and each of `malformed` rows given up as it was.
    pub(crate) fn add_up(&self, events: u64, malformed: u64) -> bool {
        self.handled + self.dead_letters == events + malformed && self.malformed_rows == malformed
    }
}

/// The most lanes at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Peaks {
    /// With work.
    pub(crate) lanes: usize,
    /// Whose handler runs.
    pub(crate) active: usize,
    /// That wait for the next attempt of their head.
    pub(crate) waiting: usize,
}

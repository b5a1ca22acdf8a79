//! What loop and workers say to each other: one queue down, one up, both in order.

use laneway_domain::{AfterDeadLetter, DeadLetter};
use tokio::sync::oneshot;

use super::run::Run;
use super::stats::LaneDetail;
use crate::lanes::LaneId;
use crate::ledger::{Slot, Tenure};

/// From the loop to a worker.
#[derive(Debug)]
pub(crate) enum Command {
    /// Handle these.
    Run(Box<Run>),
    /// Forget what has not started of these tenures, and say when nothing of them runs any more.
    Drain(DrainId, Vec<Tenure>),
    /// These tenures are over: drop what runs. What cannot be dropped keeps its lane closed.
    Evict(Vec<Tenure>),
    /// The dead letter at the head of this lane is in the store.
    Buried(LaneId, AfterDeadLetter),
    /// The permission to start was renewed.
    Nudge,
    /// Tell what the lanes do, at most so many of them.
    Inspect(usize, oneshot::Sender<Vec<LaneDetail>>),
}

/// Names a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DrainId(pub(crate) u64);

/// From a worker to the loop.
#[derive(Debug)]
pub(crate) enum Report {
    /// These events are done; with their bytes.
    Done { tenure: Tenure, slots: Vec<Slot>, bytes: usize },
    /// An attempt failed and will be repeated.
    Failed { tenure: Tenure, slot: Slot, attempts: u32 },
    /// An event is dead; its lane stays closed until it is buried.
    Dead(Box<Dead>),
    /// A lane's queue became full, or is no longer.
    Full { tenure: Tenure, full: bool },
    /// Lanes went without an event that is done: forgotten, or buried.
    Fewer,
    /// Nothing of a drain's tenures runs in this worker.
    Drained(DrainId),
}

/// An event that gave up.
#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) tenure: Tenure,
    pub(crate) slot: Slot,
    pub(crate) bytes: usize,
    pub(crate) worker: usize,
    pub(crate) lane: LaneId,
    pub(crate) letter: DeadLetter,
}

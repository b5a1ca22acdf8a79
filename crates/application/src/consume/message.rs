//! What loop and workers say to each other: one queue down, one up, both in order.

use std::time::Duration;

use laneway_domain::Monotonic;
use laneway_domain::{AfterDeadLetter, AggregateKey, DeadLetter, Position, Resolution};
use tokio::sync::{mpsc, oneshot};

use super::run::Run;
use super::stats::LaneDetail;
use super::vigil::VigilWord;
use crate::lanes::LaneId;
use crate::ledger::{Slot, Tenure};
use crate::parking::Arrival;
use crate::policy::Probe;

/// What the subscription's handle asks the loop for, and what stands beside it.
pub(crate) enum Control {
    /// Stop starting, drain until shortly before the deadline, commit, leave the group.
    Close { deadline: Monotonic },
    /// Tell what the lanes do, at most so many per worker.
    Inspect { limit: usize, answer: mpsc::UnboundedSender<Vec<LaneDetail>> },
    /// The recovery mode changes.
    Switch(Switch),
    /// The watchdog sees that nothing goes on, with the reason; or that something does again.
    Stalled(Option<String>),
    /// Hold still for an event that is to run alone, or no longer.
    Vigil(VigilWord),
}

/// A change of the recovery mode, as the loop sees it.
pub(crate) struct Switch {
    /// What the limits of open events are multiplied by.
    pub(crate) factor: usize,
    /// Tells when what was read up to now is through.
    pub(crate) drained: Option<oneshot::Sender<()>>,
}

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
    /// This aggregate waits in the dead-letter store, up to the position of the only event.
    Parked(Box<Run>),
    /// Handle these again, which come from the dead-letter store.
    Redrive(Box<Redrive>),
    /// For tenures on probation.
    Probation(Order),
    /// The permission to start was renewed, or others no longer hold still for one.
    Nudge,
    /// Tell what the lanes do, at most so many of them.
    Inspect(usize, oneshot::Sender<Vec<LaneDetail>>),
}

/// Entries that come back from the dead-letter store.
#[derive(Debug)]
pub(crate) struct Redrive {
    /// The entries, and a marker behind them unless they are loose.
    pub(crate) run: Run,
    /// The last position that the store has of the aggregate, where these are the last entries.
    pub(crate) upto: Option<Position>,
    /// Whether the aggregate is not parked: then they queue in its lane as if they had just arrived.
    pub(crate) loose: bool,
}

/// What workers do for tenures on probation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Heads of this tenure ask before they start.
    Ask(Tenure),
    /// They no longer do.
    Trust(Tenure),
    /// The head of this lane has asked, and may start; whether it has the process alone.
    Start(LaneId, bool),
    /// The head of this lane has asked, and dies: so many crashes found it alone.
    Bury(LaneId, u32),
    /// Say, with this number, when nothing runs; and now whether something hangs, and when that changes.
    Hush(u64),
    /// Say whether something hangs, and when that changes.
    Watch,
    /// Others no longer hold still for one.
    Over,
}

/// What workers say of tenures on probation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plea {
    /// The head of a lane wants to start, and may take so long.
    Asks { tenure: Tenure, position: Position, worker: usize, lane: LaneId, limit: Duration },
    /// An attempt is over; whether its event is terminal.
    Ended { tenure: Tenure, position: Position, terminal: bool },
    /// Nothing runs in this worker.
    Quiet(u64),
    /// Whether something in this worker goes on although its time is up.
    Hangs { worker: usize, hangs: bool },
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
    /// An event goes to the dead-letter store.
    Park { tenure: Tenure, arrival: Box<Arrival> },
    /// An event is in the dead-letter store already.
    Passed { tenure: Tenure, slot: Slot, bytes: usize },
    /// An event that came from the dead-letter store leaves it, or stays.
    ///
    /// Without a key it closes no lane.
    Resolved { tenure: Tenure, key: Option<AggregateKey>, position: Position, resolution: Resolution },
    /// The entries that came last of a parked aggregate are through, and more are there.
    PageDone { tenure: Tenure, key: AggregateKey },
    /// An aggregate is no longer parked.
    Opened { tenure: Tenure, key: AggregateKey },
    /// Entries came back from the store for a lane that another partition has parked.
    Elsewhere { tenure: Tenure, key: AggregateKey },
    /// A letter that closes no lane waited beside one that was parked: whether it is one still, the store knows.
    Missed { tenure: Tenure, position: Position },
    /// Attempts failed: so many in a way that trying again changes nothing, so many in another.
    Tried { answered: usize, failed: usize },
    /// The breaker's probe has ended.
    Probed(Probe),
    /// Lanes went without an event that is done: forgotten, or buried.
    Fewer,
    /// Of tenures on probation.
    Plea(Plea),
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

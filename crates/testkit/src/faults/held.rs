//! What arrives late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use laneway_domain::{Batch, Flow, Monotonic, PartitionId, SessionEvent};

/// Events that are held back: those of one partition stay in order, and come only while its flow is open.
#[derive(Debug, Default)]
pub(super) struct Held {
    late: BTreeMap<PartitionId, VecDeque<(Monotonic, SessionEvent)>>,
    /// Batches that come a second time; nothing waits behind them.
    again: BTreeMap<PartitionId, VecDeque<(Monotonic, Batch)>>,
    closed: BTreeSet<PartitionId>,
}

/// What has arrived.
pub(super) enum Arrived {
    /// For the first time.
    First(SessionEvent),
    /// Once more.
    Again(Batch),
}

impl Held {
    /// Whether something of this partition is late: what comes behind it waits too.
    pub(super) fn is_late(&self, partition: PartitionId) -> bool {
        self.late.contains_key(&partition)
    }

    /// Holds an event back.
    pub(super) fn hold(&mut self, partition: PartitionId, due: Monotonic, event: SessionEvent) {
        self.late.entry(partition).or_default().push_back((due, event));
    }

    /// Lets a batch come a second time.
    pub(super) fn repeat(&mut self, due: Monotonic, batch: Batch) {
        self.again.entry(batch.partition).or_default().push_back((due, batch));
    }

    pub(super) fn flow(&mut self, partition: PartitionId, flow: Flow) {
        match flow {
            Flow::Open => self.closed.remove(&partition),
            Flow::Closed => self.closed.insert(partition),
        };
    }

    /// A partition is gone, or begins anew: nothing of it comes any more.
    pub(super) fn forget(&mut self, partition: PartitionId) {
        self.late.remove(&partition);
        self.again.remove(&partition);
        self.closed.remove(&partition);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Monotonic {
        let open = |partition: &PartitionId| !self.closed.contains(partition);
        let late = self.late.iter().filter(|(partition, _)| open(partition));
        let late = late.filter_map(|(_, events)| events.front().map(|(due, _)| *due));
        let again = self.again.iter().filter(|(partition, _)| open(partition));
        let again = again.filter_map(|(_, batches)| batches.front().map(|(due, _)| *due));
        late.chain(again).min().unwrap_or(Monotonic::NEVER)
    }

    /// The next one that is due by now.
    pub(super) fn take(&mut self, now: Monotonic) -> Option<Arrived> {
        let closed = &self.closed;
        if let Some(event) = pop(&mut self.late, closed, now) {
            return Some(Arrived::First(event));
        }
        pop(&mut self.again, closed, now).map(Arrived::Again)
    }
}

type Queues<T> = BTreeMap<PartitionId, VecDeque<(Monotonic, T)>>;

fn pop<T>(queues: &mut Queues<T>, closed: &BTreeSet<PartitionId>, now: Monotonic) -> Option<T> {
    let due = |queue: &VecDeque<(Monotonic, T)>| queue.front().is_some_and(|(due, _)| *due <= now);
    let (partition, queue) = queues.iter_mut().find(|(p, queue)| !closed.contains(p) && due(queue))?;
    let (partition, event) = (*partition, queue.pop_front());
    if queue.is_empty() {
        queues.remove(&partition);
    }
    event.map(|(_, event)| event)
}

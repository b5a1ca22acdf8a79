//! What a session has: its partitions by its own numbers, and which of them have something to deliver.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use laneway_domain::{Assignment, Epoch, Flow, PartitionId, PartitionNumber};

use crate::group::{SlotId, Slots};
use crate::partition::Partition;
use crate::seat::Grant;
use crate::topic::Topic;

/// The partitions that a session ever had, densely numbered in the order in which they came.
#[derive(Default)]
pub(crate) struct Holdings {
    table: Vec<Holding>,
    numbers: HashMap<SlotId, PartitionId>,
    ready: VecDeque<PartitionId>,
}

/// One partition of a session, in its latest epoch.
pub(crate) struct Holding {
    topic: Arc<Topic>,
    number: PartitionNumber,
    pub(crate) epoch: Epoch,
    phase: Phase,
    flow: Flow,
    queued: bool,
    /// The next position to deliver.
    pub(crate) cursor: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Assigned; it waits for its start.
    Assigned,
    /// It delivers.
    Started,
    /// It is being taken away, or gone.
    Over,
}

impl Holding {
    pub(crate) fn partition(&self) -> &Partition {
        self.topic.partition(self.number)
    }

    fn delivers(&self) -> bool {
        self.phase == Phase::Started && self.flow == Flow::Open
    }
}

impl Holdings {
    /// Takes partitions that were given; what to tell the session's user.
    pub(crate) fn take(&mut self, grants: Vec<Grant>) -> Vec<Assignment> {
        grants.into_iter().map(|grant| self.take_one(grant)).collect()
    }

    fn take_one(&mut self, grant: Grant) -> Assignment {
        let Grant { slot, epoch, topic, number, stored, initial } = grant;
        let name = topic.name().clone();
        let (phase, flow) = (Phase::Assigned, Flow::Open);
        let mut holding = Holding { topic, number, epoch, phase, flow, queued: false, cursor: 0 };
        let next = PartitionId(u32::try_from(self.table.len()).unwrap_or(u32::MAX));
        let partition = *self.numbers.entry(slot).or_insert(next);
        match self.table.get_mut(partition.0 as usize) {
            Some(known) => {
                holding.queued = known.queued;
                *known = holding;
            }
            None => self.table.push(holding),
        }
        Assignment { partition, epoch, topic: name, number, stored, initial }
    }

    /// Stops partitions that are taken away; their numbers here.
    pub(crate) fn stop(&mut self, slots: Slots) -> Vec<(PartitionId, Epoch)> {
        let known = slots.into_iter().filter_map(|(slot, epoch)| Some((*self.numbers.get(&slot)?, epoch)));
        let known: Vec<_> = known.collect();
        for (partition, epoch) in &known {
            if let Some(holding) = self.current(*partition, *epoch) {
                holding.phase = Phase::Over;
            }
        }
        known
    }

    /// The partition, whatever its epoch.
    pub(crate) fn find(&self, partition: PartitionId) -> Option<&Holding> {
        self.table.get(partition.0 as usize)
    }

    fn current(&mut self, partition: PartitionId, epoch: Epoch) -> Option<&mut Holding> {
        self.table.get_mut(partition.0 as usize).filter(|holding| holding.epoch == epoch)
    }

    /// Whether `epoch` of a partition waits for its start.
    pub(crate) fn awaits_start(&self, partition: PartitionId, epoch: Epoch) -> bool {
        let holding = self.find(partition).filter(|holding| holding.epoch == epoch);
        holding.is_some_and(|holding| holding.phase == Phase::Assigned)
    }

    /// Begins to deliver at `cursor`.
    pub(crate) fn start(&mut self, partition: PartitionId, epoch: Epoch, cursor: u64) {
        if let Some(holding) = self.current(partition, epoch) {
            (holding.phase, holding.flow, holding.cursor) = (Phase::Started, Flow::Open, cursor);
            self.queue(partition);
        }
    }

    /// Opens or closes a partition.
    pub(crate) fn set_flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        if let Some(holding) = self.current(partition, epoch) {
            holding.flow = flow;
            self.queue(partition);
        }
    }

    /// Says that a partition may have something new.
    pub(crate) fn announce(&mut self, slot: SlotId) {
        if let Some(partition) = self.numbers.get(&slot) {
            self.queue(*partition);
        }
    }

    /// Puts a partition that delivers behind the others that may have something, once.
    pub(crate) fn queue(&mut self, partition: PartitionId) {
        if let Some(holding) = self.table.get_mut(partition.0 as usize)
            && holding.delivers()
            && !std::mem::replace(&mut holding.queued, true)
        {
            self.ready.push_back(partition);
        }
    }

    /// The partition whose turn it is.
    pub(crate) fn next_ready(&mut self) -> Option<(PartitionId, &mut Holding)> {
        while let Some(partition) = self.ready.pop_front() {
            let holding = &mut self.table[partition.0 as usize];
            holding.queued = false;
            if holding.delivers() {
                // Asked for again, because the borrow of a loop's way out lasts for all of it.
                return self.table.get_mut(partition.0 as usize).map(|holding| (partition, holding));
            }
        }
        None
    }
}

//! A topic: its partitions.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use laneway_domain::{AggregateId, Clock, PartitionNumber, TopicName, partition_of};

use crate::aftermath::Aftermath;
use crate::partition::Partition;
use crate::piece::Bound;
use crate::rules::Rules;

/// A topic. How many partitions it has never changes, because that would move aggregates.
pub(crate) struct Topic {
    name: TopicName,
    index: u32,
    partitions: Box<[Partition]>,
    keep_events: usize,
    keep_bytes: AtomicUsize,
    turn: AtomicU32,
}

impl Topic {
    pub(crate) fn new(name: TopicName, index: u32, partitions: u32, rules: Rules) -> Self {
        Self {
            name,
            index,
            partitions: (0..partitions).map(|_| Partition::new(rules)).collect(),
            keep_events: rules.keep.events,
            keep_bytes: AtomicUsize::new(rules.keep.bytes),
            turn: AtomicU32::new(0),
        }
    }

    pub(crate) fn name(&self) -> &TopicName {
        &self.name
    }

    /// Its number among the topics of the broker.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// How many partitions there are; at least one.
    pub(crate) fn width(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn partition(&self, number: PartitionNumber) -> &Partition {
        &self.partitions[number.0 as usize]
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = (PartitionNumber, &Partition)> {
        (0..).map(PartitionNumber).zip(&self.partitions)
    }

    /// Where events of `aggregate` stand.
    #[inline]
    pub(crate) fn home(&self, aggregate: &AggregateId) -> PartitionNumber {
        partition_of(aggregate.as_str().as_bytes(), self.width())
    }

    /// The partition whose turn it is for events without an aggregate.
    pub(crate) fn next_turn(&self) -> PartitionNumber {
        PartitionNumber(self.turn.fetch_add(1, Ordering::Relaxed) % self.width())
    }

    /// The most that a chunk of one of its logs holds.
    pub(crate) fn chunk(&self) -> Bound {
        Bound { events: self.keep_events, bytes: self.keep_bytes() }.chunk()
    }

    /// How many bytes each partition keeps.
    pub(crate) fn keep_bytes(&self) -> usize {
        self.keep_bytes.load(Ordering::Relaxed)
    }

    /// Changes how many bytes each partition keeps. The caller settles the aftermath.
    pub(crate) fn set_keep_bytes(&self, bytes: usize, clock: &dyn Clock, after: &mut Aftermath) {
        self.keep_bytes.store(bytes, Ordering::Relaxed);
        for partition in &self.partitions {
            partition.keep(Bound { events: self.keep_events, bytes }, clock, after);
        }
    }

    /// Ends every wait for room.
    pub(crate) fn close(&self) {
        self.partitions.iter().for_each(Partition::close);
    }
}

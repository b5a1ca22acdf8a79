//! The partitions of a member.

use std::collections::BTreeMap;
use std::sync::Arc;

use laneway_domain::{Epoch, PartitionId};
use rdkafka::consumer::base_consumer::PartitionQueue;

use crate::context::Context;
use crate::lookup::Standing;
use crate::mail::Tap;
use crate::place::Place;

/// A partition that is ours.
pub(crate) struct Holding {
    pub(crate) partition: PartitionId,
    pub(crate) tap: Arc<Tap>,
    pub(crate) standing: Standing,
    /// Its own queue of the client.
    pub(crate) queue: PartitionQueue<Context>,
    pub(crate) phase: Phase,
    /// The next offset to be delivered.
    pub(crate) next: i64,
}

/// Whether a partition delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody has said where to begin.
    Assigned,
    /// It delivers.
    Reading,
    /// Its next offset is gone, and what is left is asked for.
    Astray,
    /// It will go.
    Revoked,
}

/// The partitions of a member, by name; numbers and epochs are given out here.
#[derive(Default)]
pub(crate) struct Holdings {
    by_place: BTreeMap<Place, Holding>,
    numbers: BTreeMap<Place, PartitionId>,
    epochs: u64,
}

impl Holdings {
    /// The number of a partition, for as long as the session lives, and a new epoch.
    pub(crate) fn enter(&mut self, place: &Place) -> (PartitionId, Epoch) {
        self.epochs += 1;
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let partition = *self.numbers.entry(place.clone()).or_insert(PartitionId(next));
        (partition, Epoch(self.epochs))
    }

    pub(crate) fn insert(&mut self, holding: Holding) {
        self.by_place.insert(holding.standing.place.clone(), holding);
    }

    pub(crate) fn get(&mut self, place: &Place) -> Option<&mut Holding> {
        self.by_place.get_mut(place)
    }

    /// The partition in this epoch.
    pub(crate) fn find(&mut self, partition: PartitionId, epoch: Epoch) -> Option<&mut Holding> {
        self.by_place
            .values_mut()
            .find(|holding| holding.partition == partition && holding.tap.epoch == epoch)
    }

    pub(crate) fn remove(&mut self, place: &Place) -> Option<Holding> {
        self.by_place.remove(place)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Holding> {
        self.by_place.values_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Holding> {
        self.by_place.values()
    }

    /// No partition is held any more; the client may close.
    pub(crate) fn clear(&mut self) {
        self.by_place.clear();
    }
}

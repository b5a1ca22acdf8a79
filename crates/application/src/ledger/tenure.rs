//! One ownership of a partition, from its assignment to its end, and the ledgers of all that are current.

use laneway_domain::{
    Assignment, Checkpoint, Epoch, PartitionId, PartitionNumber, StoredCheckpoint, TopicName,
};

use super::open::Slot;
use super::partition::{PartitionLedger, Settled};
use crate::sabotage::{Bug, is_planted};

/// Names one ownership of a partition. Never used twice in the life of a subscription, also over several sessions, so
/// whatever arrives late finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenure {
    number: u32,
    /// Where its partition stands.
    place: u32,
}

/// Whose tenure it is.
#[derive(Debug, Clone)]
pub struct TenureInfo {
    /// The session's number of the partition.
    pub partition: PartitionId,
    /// The epoch of the assignment.
    pub epoch: Epoch,
    /// The topic.
    pub topic: TopicName,
    /// The partition's number in the topic.
    pub number: PartitionNumber,
}

#[derive(Debug)]
struct Current {
    tenure: Tenure,
    info: TenureInfo,
    ledger: PartitionLedger,
}

/// The ledgers of the partitions that are ours, by the session's number.
#[derive(Debug, Default)]
pub struct Ledger {
    partitions: Vec<Option<Current>>,
    /// How many tenures there have been.
    assigned: u32,
}

impl Ledger {
    /// Begins a tenure. One of the same partition that has not ended ends now.
    pub fn assign(&mut self, assignment: &Assignment) -> Tenure {
        let (ledger, foreign) = PartitionLedger::assign(assignment.stored.as_ref(), assignment.initial);
        if let Some(foreign) = foreign {
            tracing::warn!(topic = %assignment.topic, partition = %assignment.number, "{foreign}");
        }
        let at = assignment.partition.0 as usize;
        let tenure = Tenure { number: self.assigned, place: assignment.partition.0 };
        self.assigned += 1;
        if self.partitions.len() <= at {
            self.partitions.resize_with(at + 1, || None);
        }
        let info = TenureInfo {
            partition: assignment.partition,
            epoch: assignment.epoch,
            topic: assignment.topic.clone(),
            number: assignment.number,
        };
        self.partitions[at] = Some(Current { tenure, info, ledger });
        tenure
    }

    /// The tenure of a partition, if this epoch is the current one.
    #[must_use]
    pub fn tenure(&self, partition: PartitionId, epoch: Epoch) -> Option<Tenure> {
        let current = self.partitions.get(partition.0 as usize)?.as_ref()?;
        (current.info.epoch == epoch).then_some(current.tenure)
    }

    /// The current epoch of a partition that is ours.
    #[must_use]
    pub fn epoch(&self, partition: PartitionId) -> Option<Epoch> {
        self.partitions.get(partition.0 as usize)?.as_ref().map(|current| current.info.epoch)
    }

    fn current(&mut self, tenure: Tenure) -> Option<&mut Current> {
        self.partitions
            .get_mut(tenure.place as usize)?
            .as_mut()
            .filter(|current| current.tenure.number == tenure.number || is_planted(Bug::OldEpochSettles))
    }

    /// The ledger of a tenure that has not ended.
    pub fn book(&mut self, tenure: Tenure) -> Option<&mut PartitionLedger> {
        self.current(tenure).map(|current| &mut current.ledger)
    }

    /// Whose tenure it is; nothing once it has ended.
    pub fn info(&mut self, tenure: Tenure) -> Option<&TenureInfo> {
        self.current(tenure).map(|current| &current.info)
    }

    /// Marks an event as terminal; `Stale` where the tenure has ended.
    pub fn settle(&mut self, tenure: Tenure, slot: Slot) -> Settled {
        self.book(tenure).map_or(Settled::Stale, |ledger| ledger.settle(slot))
    }

    /// Checkpoints of all partitions in which something changed.
    pub fn checkpoints(&mut self, budget: usize) -> Vec<Checkpoint> {
        let currents = self.partitions.iter_mut().flatten();
        currents.filter_map(|c| c.ledger.checkpoint(budget).map(|stored| c.stamped(stored))).collect()
    }

    /// Ends a tenure; its last checkpoint where something is not known to be stored.
    pub fn end(&mut self, tenure: Tenure, budget: usize) -> Option<Checkpoint> {
        let place = self.partitions.get_mut(tenure.place as usize)?;
        let mut current = place.take_if(|current| current.tenure == tenure)?;
        let number = current.ledger.handed() + 1;
        current.ledger.last(budget).map(|stored| Checkpoint { number, ..current.stamped(stored) })
    }

    /// The tenures that have not ended.
    pub fn tenures(&self) -> impl Iterator<Item = Tenure> + '_ {
        self.partitions.iter().flatten().map(|current| current.tenure)
    }

    /// Begins to count in every partition what is finished above the watermark, or ends it.
    pub(crate) fn count_ahead(&mut self, counts: bool) {
        self.partitions.iter_mut().flatten().for_each(|current| current.ledger.count_ahead(counts));
    }

    /// How many events are finished above the watermarks, where that is counted.
    pub(crate) fn ahead(&self) -> usize {
        self.partitions.iter().flatten().map(|current| current.ledger.ahead()).sum()
    }

    /// How many events are open in all partitions.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.partitions.iter().flatten().map(|current| current.ledger.open_count()).sum()
    }
}

impl Current {
    fn stamped(&self, StoredCheckpoint { resume, state }: StoredCheckpoint) -> Checkpoint {
        let TenureInfo { partition, epoch, .. } = self.info;
        Checkpoint { partition, epoch, resume, state, number: self.ledger.handed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Opening;
    use laneway_domain::{Position, Resume};

    fn assignment(epoch: u64) -> Assignment {
        Assignment {
            partition: PartitionId(2),
            epoch: Epoch(epoch),
            topic: TopicName::new("t").unwrap(),
            number: PartitionNumber(0),
            stored: None,
            initial: Resume::Start,
        }
    }

    #[test]
    fn what_finishes_after_its_tenure_settles_nothing() {
        let mut ledger = Ledger::default();
        let old = ledger.assign(&assignment(1));
        let Opening::Fresh(slot, _) = ledger.book(old).unwrap().open(Position::new(1)) else { panic!() };
        let new = ledger.assign(&assignment(2));
        let Opening::Fresh(same, _) = ledger.book(new).unwrap().open(Position::new(1)) else { panic!() };
        assert_eq!(slot, same, "the slots collide, so only the tenure tells them apart");
        assert_eq!(ledger.settle(old, slot), Settled::Stale);
        assert_eq!(ledger.checkpoints(0)[0].resume, Resume::At(Position::new(1)));
        assert_eq!(ledger.settle(new, same), Settled::Moved);
        assert_eq!(ledger.tenure(PartitionId(2), Epoch(1)), None);
        assert_eq!(ledger.tenure(PartitionId(2), Epoch(2)), Some(new));
    }

    #[test]
    fn a_tenure_ends_once_and_with_its_last_checkpoint() {
        let mut ledger = Ledger::default();
        let tenure = ledger.assign(&assignment(1));
        assert_eq!(ledger.end(tenure, 0).unwrap().epoch, Epoch(1));
        assert_eq!(ledger.end(tenure, 0), None);
        assert_eq!(ledger.tenures().count(), 0);
    }

    #[test]
    fn the_last_checkpoint_has_a_number_of_its_own() {
        let mut ledger = Ledger::default();
        let tenure = ledger.assign(&assignment(1));
        let sent = ledger.checkpoints(0)[0].number;
        let book = ledger.book(tenure).unwrap();
        let Opening::Fresh(slot, _) = book.open(Position::new(1)) else { panic!() };
        book.settle(slot);
        assert!(ledger.end(tenure, 0).unwrap().number > sent);
    }
}

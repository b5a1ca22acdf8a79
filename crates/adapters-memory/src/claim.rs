//! What one group has in one partition: an owner, an epoch, a checkpoint.

use std::sync::Arc;

use bytes::Bytes;
use laneway_domain::{CommitError, Epoch, Position, Resume, StoredCheckpoint};

use crate::group::SlotId;
use crate::seat::Seat;

/// Names a group for the life of a broker; a group that was forgotten and comes again is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupKey(pub(crate) u64);

/// A group's claim on a partition. It stands beside the log, under the partition's lock, so that whoever was fenced
/// neither reads nor commits any more, whatever it has heard of it.
pub(crate) struct Claim {
    pub(crate) group: GroupKey,
    /// Where the group began to need events, until it has a checkpoint.
    begin: u64,
    epoch: Epoch,
    owner: Option<Owner>,
    stored: Option<Stored>,
}

struct Owner {
    seat: Arc<Seat>,
    slot: SlotId,
    /// Whether it has read to the end, and hears of what comes next.
    waits: bool,
}

struct Stored {
    checkpoint: StoredCheckpoint,
    epoch: Epoch,
}

impl Claim {
    /// A claim that needs everything from `begin` on; with `commit`, that point is the group's checkpoint already.
    pub(crate) fn new(group: GroupKey, begin: u64, commit: bool) -> Self {
        let checkpoint =
            || StoredCheckpoint { resume: Resume::At(Position::new(begin)), state: Bytes::new() };
        let stored = commit.then(|| Stored { checkpoint: checkpoint(), epoch: Epoch(0) });
        Self { group, begin, epoch: Epoch(0), owner: None, stored }
    }

    /// The first position that the group still needs.
    pub(crate) fn floor(&self) -> u64 {
        self.stored.as_ref().map_or(self.begin, |stored| stored.checkpoint.resume.rank())
    }

    pub(crate) fn is_owned(&self) -> bool {
        self.owner.is_some()
    }

    /// Whether `epoch` may read and commit.
    pub(crate) fn admits(&self, epoch: Epoch) -> bool {
        self.epoch == epoch && self.owner.is_some()
    }

    /// Gives the partition to a member; the group's checkpoint, and where to start without one.
    pub(crate) fn grant(
        &mut self,
        epoch: Epoch,
        seat: Arc<Seat>,
        slot: SlotId,
    ) -> (Option<StoredCheckpoint>, Resume) {
        self.epoch = epoch;
        self.owner = Some(Owner { seat, slot, waits: false });
        let stored = self.stored.as_ref().map(|stored| stored.checkpoint.clone());
        (stored, Resume::At(Position::new(self.begin)))
    }

    /// Takes the partition away from whoever has it.
    pub(crate) fn vacate(&mut self) {
        self.owner = None;
    }

    /// The owner has read to the end.
    pub(crate) fn wait(&mut self) {
        if let Some(owner) = &mut self.owner {
            owner.waits = true;
        }
    }

    /// Tells an owner that waits of new events; its seat, to be woken.
    #[inline]
    pub(crate) fn announce(&mut self) -> Option<Arc<Seat>> {
        let owner = self.owner.as_mut().filter(|owner| owner.waits)?;
        owner.waits = false;
        owner.seat.announce(owner.slot);
        Some(owner.seat.clone())
    }

    /// Stores a checkpoint.
    ///
    /// Within one epoch the stored point never moves back: a checkpoint behind it says nothing new, and counts as
    /// stored. A newer epoch may set it anywhere, because its owner was told to read from there.
    pub(crate) fn store(&mut self, epoch: Epoch, checkpoint: StoredCheckpoint) -> Result<(), CommitError> {
        if !self.admits(epoch) {
            return Err(CommitError::Fenced);
        }
        let rank = checkpoint.resume.rank();
        let overtaken = |stored: &Stored| stored.epoch == epoch && stored.checkpoint.resume.rank() > rank;
        if !self.stored.as_ref().is_some_and(overtaken) {
            self.stored = Some(Stored { checkpoint, epoch });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> StoredCheckpoint {
        StoredCheckpoint { resume: Resume::At(Position::new(position)), state: Bytes::new() }
    }

    #[test]
    fn a_checkpoint_moves_back_only_with_a_newer_epoch() {
        let mut claim = Claim::new(GroupKey(1), 0, false);
        claim.grant(Epoch(1), Arc::default(), SlotId(0));
        claim.store(Epoch(1), at(9)).unwrap();
        claim.store(Epoch(1), at(4)).unwrap();
        assert_eq!(claim.floor(), 9);
        claim.grant(Epoch(2), Arc::default(), SlotId(0));
        assert_eq!(claim.store(Epoch(1), at(10)), Err(CommitError::Fenced));
        claim.store(Epoch(2), at(4)).unwrap();
        assert_eq!(claim.floor(), 4);
        claim.vacate();
        assert_eq!(claim.store(Epoch(2), at(5)), Err(CommitError::Fenced));
    }

    #[test]
    fn only_an_owner_that_waits_hears_of_news_and_only_once() {
        let mut claim = Claim::new(GroupKey(1), 0, false);
        assert!(claim.announce().is_none());
        claim.grant(Epoch(1), Arc::default(), SlotId(3));
        assert!(claim.announce().is_none());
        claim.wait();
        assert_eq!(claim.announce().unwrap().next_ready(), Some(SlotId(3)));
        assert!(claim.announce().is_none());
    }
}

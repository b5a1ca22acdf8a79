//! A member's letter box: what coordinator and partitions tell a session, from any thread.

use std::sync::Arc;
use std::task::Waker;

use atomic_waker::AtomicWaker;
use crossbeam_queue::SegQueue;
use laneway_domain::{Epoch, Monotonic, PartitionNumber, Resume, RevocationId, StoredCheckpoint};

use crate::group::SlotId;
use crate::topic::Topic;

/// What one session hears of. Putting something in never blocks; the session is woken apart, without a lock held.
#[derive(Default)]
pub(crate) struct Seat {
    mail: SegQueue<Notice>,
    ready: SegQueue<SlotId>,
    waker: AtomicWaker,
}

/// What the coordinator tells a member.
pub(crate) enum Notice {
    /// Partitions are yours.
    Granted(Vec<Grant>),
    /// Partitions will be taken away.
    Revoking { revocation: RevocationId, slots: Vec<(SlotId, Epoch)>, until: Monotonic },
    /// Partitions were taken away.
    Lost(Vec<(SlotId, Epoch)>),
    /// The broker is closed.
    Closed,
}

/// A partition that was given to a member.
pub(crate) struct Grant {
    pub(crate) slot: SlotId,
    pub(crate) epoch: Epoch,
    pub(crate) topic: Arc<Topic>,
    pub(crate) number: PartitionNumber,
    pub(crate) stored: Option<StoredCheckpoint>,
    pub(crate) initial: Resume,
}

impl Seat {
    pub(crate) fn post(&self, notice: Notice) {
        self.mail.push(notice);
    }

    /// Says that a partition which was read to its end has more.
    pub(crate) fn announce(&self, slot: SlotId) {
        self.ready.push(slot);
    }

    pub(crate) fn next_notice(&self) -> Option<Notice> {
        self.mail.pop()
    }

    pub(crate) fn next_ready(&self) -> Option<SlotId> {
        self.ready.pop()
    }

    /// Whoever asked last is woken by the next [`Seat::wake`]. What came before is found by looking again.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }
}

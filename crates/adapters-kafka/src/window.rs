//! How many events may be on their way.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Room for events that were handed over; the broker's answer gives it back, and nothing else does.
pub(crate) struct Window {
    room: Semaphore,
    size: usize,
    out: AtomicUsize,
}

impl Window {
    pub(crate) fn new(size: usize) -> Self {
        Self { room: Semaphore::new(size), size, out: AtomicUsize::new(0) }
    }

    /// Waits for room for `wanted` events; for as many as the window has, where that is fewer. How many it is.
    pub(crate) async fn enter(&self, wanted: usize) -> usize {
        let many = u32::try_from(wanted.min(self.size)).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        if let Ok(permit) = self.room.acquire_many(many).await {
            permit.forget();
        }
        self.out.fetch_add(many as usize, Ordering::AcqRel);
        many as usize
    }

    /// Events have an answer, or did not leave.
    pub(crate) fn leave(&self, events: usize) {
        self.out.fetch_sub(events, Ordering::AcqRel);
        self.room.add_permits(events);
    }

    /// Waits until nothing is on its way; nothing leaves meanwhile.
    pub(crate) async fn empty(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        drop(self.room.acquire_many(all).await);
    }

    /// How many are on their way.
    pub(crate) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }
}

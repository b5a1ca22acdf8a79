//! What is done once a lock is free.

use std::sync::Arc;
use std::task::Waker;

use crate::log::Chunk;
use crate::seat::Seat;

/// Work that a lock's holder leaves for when it has let go: wakers run foreign code, and freeing a chunk takes long.
#[derive(Default)]
pub(crate) struct Aftermath {
    pub(crate) dropped: Vec<Chunk>,
    pub(crate) readers: Vec<Arc<Seat>>,
    pub(crate) publishers: Vec<Waker>,
}

impl Aftermath {
    /// Wakes who has something to do, and frees what nobody needs.
    pub(crate) fn settle(self) {
        for reader in self.readers {
            reader.wake();
        }
        for publisher in self.publishers {
            publisher.wake();
        }
    }
}

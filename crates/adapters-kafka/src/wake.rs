//! Waking a thread that waits for a client.

use std::sync::OnceLock;
use std::thread::{self, Thread};

/// Wakes the thread that named itself its sleeper. Waking before or between its waits is not lost.
#[derive(Default)]
pub(crate) struct Wake(OnceLock<Thread>);

impl Wake {
    /// The calling thread is the one that is woken.
    pub(crate) fn here(&self) {
        _ = self.0.set(thread::current());
    }

    pub(crate) fn wake(&self) {
        if let Some(sleeper) = self.0.get() {
            sleeper.unpark();
        }
    }
}

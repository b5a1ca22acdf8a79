//! Whose turn it is where several workers found no token of one rate.
//!
//! Without a line the token goes to whoever is polled first when it comes, which may be the same worker for ever. So who finds none
//! stands in line, and a token that comes is for the first. Nobody is called and nobody keeps the place of one that does not come: a
//! place is lost one token after its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use laneway_domain::Monotonic;

/// Workers that wait for a token, first come first served.
#[derive(Debug, Default)]
pub(super) struct Line {
    somebody: AtomicBool,
    places: Mutex<VecDeque<Place>>,
}

#[derive(Debug)]
struct Place {
    worker: u32,
    /// When it is lost.
    until: Monotonic,
}

impl Line {
    /// Whether nobody waits, as far as can be seen without the lock.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.somebody.load(Ordering::Relaxed)
    }

    /// The line, as long as nobody else changes it.
    pub(super) fn lock(&self) -> Places<'_> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Places { somebody: &self.somebody, places }
    }
}

/// A line that is held.
pub(super) struct Places<'a> {
    somebody: &'a AtomicBool,
    places: MutexGuard<'a, VecDeque<Place>>,
}

impl Places<'_> {
    /// How many stand before a worker and have not lost their place.
    pub(super) fn ahead_of(&mut self, worker: u32, now: Monotonic) -> u64 {
        self.places.retain(|place| place.worker == worker || place.until > now);
        let ahead = self.places.iter().take_while(|place| place.worker != worker);
        ahead.count() as u64
    }

    /// Puts a worker at the end, unless it stands in line already.
    pub(super) fn stand(mut self, worker: u32, until: Monotonic) {
        match self.places.iter_mut().find(|place| place.worker == worker) {
            Some(place) => place.until = until,
            None => self.places.push_back(Place { worker, until }),
        }
        self.somebody.store(true, Ordering::Relaxed);
    }

    /// A worker has its token, or needs none.
    pub(super) fn leave(mut self, worker: u32) {
        self.places.retain(|place| place.worker != worker);
        self.somebody.store(!self.places.is_empty(), Ordering::Relaxed);
    }
}

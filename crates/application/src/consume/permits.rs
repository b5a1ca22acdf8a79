//! How many handlers run at once, over all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use atomic_waker::AtomicWaker;

/// The permits of a subscription. A worker keeps those it holds in a [`Purse`], so a handler that ends at its first poll
/// costs no shared access.
#[derive(Debug)]
pub(crate) struct Permits {
    free: AtomicUsize,
    hungry: Vec<Hungry>,
}

#[derive(Debug, Default)]
struct Hungry {
    waits: AtomicBool,
    waker: AtomicWaker,
}

impl Permits {
    pub(crate) fn new(permits: usize, workers: usize) -> Arc<Self> {
        let hungry = (0..workers).map(|_| Hungry::default()).collect();
        Arc::new(Self { free: AtomicUsize::new(permits), hungry })
    }

    fn take(&self) -> bool {
        let less = |free: usize| free.checked_sub(1);
        self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }

    fn give(&self, permits: usize) {
        self.free.fetch_add(permits, Ordering::SeqCst);
        for hungry in &self.hungry {
            if hungry.waits.swap(false, Ordering::SeqCst) {
                hungry.waker.wake();
            }
        }
    }

    fn anyone_waits(&self) -> bool {
        self.hungry.iter().any(|hungry| hungry.waits.load(Ordering::SeqCst))
    }
}

/// A worker's part of the permits: what it has taken and does not use right now.
#[derive(Debug)]
pub(crate) struct Purse {
    pool: Arc<Permits>,
    worker: usize,
    spare: usize,
    /// Whether a permit went to somebody who waits: this worker takes none until its next turn.
    polite: bool,
}

impl Purse {
    pub(crate) fn new(pool: Arc<Permits>, worker: usize) -> Self {
        Self { pool, worker, spare: 0, polite: false }
    }

    /// Takes a permit. Without one the worker is woken when there may be one again.
    #[inline]
    pub(crate) fn take(&mut self, waker: &Waker) -> bool {
        if self.spare > 0 {
            self.spare -= 1;
            return true;
        }
        if self.polite {
            waker.wake_by_ref();
            return false;
        }
        self.pool.take() || self.wait(waker)
    }

    #[cold]
    fn wait(&self, waker: &Waker) -> bool {
        let hungry = &self.pool.hungry[self.worker];
        hungry.waker.register(waker);
        hungry.waits.store(true, Ordering::SeqCst);
        // One may have come back between the first look and the registration.
        let taken = self.pool.take();
        if taken {
            hungry.waits.store(false, Ordering::SeqCst);
        }
        taken
    }

    /// Gives a permit back, to the purse where nobody waits for it.
    #[inline]
    pub(crate) fn give(&mut self) {
        self.spare += 1;
        let waits = self.pool.anyone_waits();
        if self.spare > 1 || waits {
            self.give_back();
        }
        self.polite |= waits;
    }

    /// The turn is over: gives back what is not used. A worker that goes to sleep keeps nothing.
    pub(crate) fn rest(&mut self) {
        self.polite = false;
        self.give_back();
    }

    fn give_back(&mut self) {
        if self.spare > 0 {
            self.pool.give(std::mem::take(&mut self.spare));
        }
    }
}

impl Drop for Purse {
    fn drop(&mut self) {
        self.rest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_worker_without_a_permit_is_woken_when_one_comes_back() {
        let pool = Permits::new(1, 2);
        let (mut a, mut b) = (Purse::new(pool.clone(), 0), Purse::new(pool, 1));
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(woken.clone());
        assert!(a.take(Waker::noop()));
        assert!(!b.take(&waker));
        a.give();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(b.take(&waker));
    }

    #[test]
    fn a_permit_that_goes_to_who_waits_is_not_taken_back_in_the_same_turn() {
        let pool = Permits::new(1, 2);
        let (mut a, mut b) = (Purse::new(pool.clone(), 0), Purse::new(pool, 1));
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        assert!(a.take(Waker::noop()) && !b.take(Waker::noop()));
        a.give();
        assert!(!a.take(&Waker::from(woken.clone())));
        assert_eq!(woken.0.load(Ordering::SeqCst), 1, "it has a turn of its own again");
        a.rest();
        assert!(b.take(Waker::noop()) && !a.take(Waker::noop()));
    }

    #[test]
    fn a_purse_that_goes_away_takes_no_permit_with_it() {
        let pool = Permits::new(2, 1);
        let mut purse = Purse::new(pool.clone(), 0);
        assert!(purse.take(Waker::noop()));
        purse.give();
        drop(purse);
        assert_eq!(pool.free.load(Ordering::SeqCst), 2);
    }
}

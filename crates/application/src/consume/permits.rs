//! How many handlers run at once, over all workers.

use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use atomic_waker::AtomicWaker;

/// The permits of a subscription. A worker keeps those it holds in a [`Purse`], so a handler that ends at its first poll
/// costs no shared access.
///
/// How many there are may change at any time. Fewer than are taken is a debt: what comes back pays it, and nobody takes one before.
#[derive(Debug)]
pub(crate) struct Permits {
    /// Below zero where more are taken than there are now.
    free: AtomicIsize,
    size: Mutex<Size>,
    hungry: Vec<Hungry>,
}

/// How many permits there are; only who changes that asks.
#[derive(Debug)]
struct Size {
    limit: usize,
    paused: bool,
}

impl Size {
    fn permits(&self) -> isize {
        if self.paused { 0 } else { isize::try_from(self.limit).unwrap_or(isize::MAX) }
    }
}

#[derive(Debug, Default)]
struct Hungry {
    waits: AtomicBool,
    waker: AtomicWaker,
}

impl Permits {
    pub(crate) fn new(permits: usize, workers: usize) -> Arc<Self> {
        let hungry = (0..workers).map(|_| Hungry::default()).collect();
        let size = Size { limit: permits, paused: false };
        Arc::new(Self { free: AtomicIsize::new(size.permits()), size: Mutex::new(size), hungry })
    }

    /// Changes how many there are.
    pub(crate) fn resize(&self, limit: usize) {
        self.change(|size| size.limit = limit);
    }

    /// Takes all away for a time, or gives them back: what runs ends, and nothing starts.
    pub(crate) fn pause(&self, paused: bool) {
        self.change(|size| size.paused = paused);
    }

    fn change(&self, change: impl FnOnce(&mut Size)) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let before = size.permits();
        change(&mut size);
        self.add(size.permits() - before);
    }

    /// How many there are when nothing is paused.
    pub(crate) fn limit(&self) -> usize {
        self.size.lock().unwrap_or_else(PoisonError::into_inner).limit
    }

    /// Whether nothing may start.
    pub(crate) fn is_paused(&self) -> bool {
        self.size.lock().unwrap_or_else(PoisonError::into_inner).paused
    }

    /// How many nobody has.
    pub(crate) fn free(&self) -> usize {
        usize::try_from(self.free.load(Ordering::Relaxed)).unwrap_or(0)
    }

    fn take(&self) -> bool {
        let less = |free: isize| (free > 0).then(|| free - 1);
        self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }

    fn give(&self, permits: usize) {
        self.add(isize::try_from(permits).unwrap_or(isize::MAX));
    }

    fn add(&self, permits: isize) {
        let free = self.free.fetch_add(permits, Ordering::SeqCst).saturating_add(permits);
        if free <= 0 {
            // Whoever waits is woken by the permit that is one.
            return;
        }
        for hungry in &self.hungry {
            if hungry.waits.swap(false, Ordering::SeqCst) {
                hungry.waker.wake();
            }
        }
    }

    /// Whether more are taken than there are now.
    #[inline]
    fn owes(&self) -> bool {
        self.free.load(Ordering::Relaxed) < 0
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

    /// Takes a permit that may not be there: a debt like any other.
    #[cold]
    pub(crate) fn overdraw(&mut self) {
        match self.spare.checked_sub(1) {
            Some(left) => self.spare = left,
            None => self.pool.add(-1),
        }
    }

    /// Gives a permit back, to the purse where nobody waits for it and it pays no debt.
    #[inline]
    pub(crate) fn give(&mut self) {
        self.spare += 1;
        let waits = self.pool.anyone_waits();
        if self.spare > 1 || waits || self.pool.owes() {
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
    use proptest::prelude::*;
    use std::sync::atomic::AtomicUsize;
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

    #[test]
    fn permits_that_are_taken_away_are_paid_back_before_anyone_takes_one() {
        let pool = Permits::new(3, 2);
        let (mut a, mut b) = (Purse::new(pool.clone(), 0), Purse::new(pool.clone(), 1));
        (0..3).for_each(|_| assert!(a.take(Waker::noop())));
        pool.resize(1);
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        assert!(!b.take(&Waker::from(woken.clone())));
        for left in [2, 1] {
            a.give();
            a.rest();
            assert!(!b.take(&Waker::from(woken.clone())), "{left} run, and 1 may");
        }
        assert_eq!(woken.0.load(Ordering::SeqCst), 0, "nobody is woken for what pays a debt");
        a.give();
        a.rest();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(b.take(Waker::noop()) && !a.take(Waker::noop()));
    }

    #[test]
    fn a_permit_that_comes_back_pays_a_debt_before_its_own_worker_takes_it_again() {
        let pool = Permits::new(9, 1);
        let mut purse = Purse::new(pool.clone(), 0);
        assert!(purse.take(Waker::noop()));
        pool.pause(true);
        purse.give();
        assert!(!purse.take(Waker::noop()), "one handler at a time would never pause");
        pool.pause(false);
        assert_eq!(pool.free(), 9);
    }

    #[test]
    fn what_is_overdrawn_is_paid_back() {
        let pool = Permits::new(1, 1);
        let mut purse = Purse::new(pool.clone(), 0);
        pool.pause(true);
        purse.overdraw();
        purse.give();
        purse.rest();
        pool.pause(false);
        assert_eq!(pool.free(), 1);
    }

    #[test]
    fn more_permits_wake_who_waits_and_a_pause_takes_all() {
        let pool = Permits::new(1, 1);
        let mut purse = Purse::new(pool.clone(), 0);
        let woken = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(woken.clone());
        assert!(purse.take(&waker) && !purse.take(&waker));
        pool.resize(3);
        assert_eq!((woken.0.load(Ordering::SeqCst), pool.free()), (1, 2));
        pool.pause(true);
        assert!(!purse.take(&waker) && pool.is_paused());
        pool.resize(2);
        assert!(!purse.take(&waker), "a limit that changes ends no pause");
        pool.pause(false);
        assert_eq!((woken.0.load(Ordering::SeqCst), pool.limit()), (2, 2));
        assert!(purse.take(&waker) && !purse.take(&waker));
    }

    proptest! {
        #[test]
        fn never_more_are_taken_than_there_were_when_they_were(
            steps in prop::collection::vec((0u8..5, 0usize..9), 0..200),
        ) {
            let pool = Permits::new(4, 1);
            let mut purse = Purse::new(pool.clone(), 0);
            let (mut taken, mut limit, mut paused) = (0usize, 4usize, false);
            for (kind, size) in steps {
                match kind {
                    0 => {
                        pool.resize(size);
                        limit = size;
                    }
                    1 => {
                        paused = size % 2 == 0;
                        pool.pause(paused);
                    }
                    2 if taken > 0 => {
                        purse.give();
                        purse.rest();
                        taken -= 1;
                    }
                    _ => {
                        let may = !paused && taken < limit;
                        prop_assert_eq!(purse.take(Waker::noop()), may);
                        taken += usize::from(may);
                    }
                }
                let there = if paused { 0 } else { limit };
                prop_assert_eq!(pool.free(), there.saturating_sub(taken));
            }
        }
    }
}

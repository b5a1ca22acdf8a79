//! Which events are finished.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The events that are finished, by number from 0: a bit each, so that no event counts twice.
///
/// A word that is full is noted once, so that the count which all threads share changes once in 64 events.
pub(super) struct Tally {
    words: Vec<AtomicU64>,
    len: u64,
    open: AtomicUsize,
    complete: Notify,
}

impl Tally {
    /// Nothing of `len` events is finished.
    pub(super) fn new(len: u64) -> Self {
        let words: Vec<_> = (0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Self { len, open: AtomicUsize::new(words.len()), words, complete: Notify::new() }
    }

    /// Notes that an event is finished; false where it was before, or where there is no such event.
    pub(super) fn finish(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.words.get(at));
        let Some(word) = word.filter(|_| number < self.len) else { return false };
        let bit = 1 << (number % 64);
        let before = word.fetch_or(bit, Ordering::AcqRel);
        let first = before & bit == 0;
        if first && before | bit == self.full(number / 64) && self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.complete.notify_one();
        }
        first
    }

    /// The word that says that all of its events are finished; the last one may have fewer.
    fn full(&self, word: u64) -> u64 {
        match self.len - word * 64 {
            bits @ 1..64 => (1 << bits) - 1,
            _ => u64::MAX,
        }
    }

    /// Waits until all events are finished. For one who waits, once or again.
    pub(super) async fn complete(&self) {
        while self.open.load(Ordering::Acquire) > 0 {
            self.complete.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_complete(tally: &Tally) -> bool {
        pin!(tally.complete()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn it_is_complete_with_the_last_event_in_any_order() {
        for len in [1, 63, 64, 65, 128, 200] {
            let tally = Tally::new(len);
            for number in (0..len).rev() {
                assert!(!is_complete(&tally), "{number} of {len}");
                assert!(tally.finish(number));
            }
            assert!(is_complete(&tally) && is_complete(&tally), "{len}");
        }
        assert!(is_complete(&Tally::new(0)));
    }

    #[test]
    fn an_event_that_comes_again_counts_once() {
        let tally = Tally::new(2);
        assert!(tally.finish(1) && !tally.finish(1) && !is_complete(&tally));
        assert!(tally.finish(0) && !tally.finish(0) && is_complete(&tally));
    }

    #[test]
    fn an_event_that_was_never_published_counts_nothing() {
        let tally = Tally::new(3);
        assert!(![3, 63, 64, u64::MAX].into_iter().any(|number| tally.finish(number)));
    }

    #[test]
    fn whoever_waits_is_woken_by_the_last_event() {
        let tally = Tally::new(1);
        let mut waiting = pin!(tally.complete());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        tally.finish(0);
        assert!(waiting.as_mut().poll(&mut context).is_ready());
    }
}

//! The newest outcomes, bounded by count and by time, in constant memory.

use std::time::Duration;

use laneway_domain::Monotonic;

const BUCKETS: u8 = 10;

/// A sliding window in ten buckets: one ends with a tenth of the time or with a tenth of the count, whichever comes
/// first. A sum is thus over nine tenths to all of the window, or over whole batches where they are larger.
#[derive(Debug)]
pub(crate) struct Outcomes {
    buckets: [Bucket; BUCKETS as usize],
    newest: usize,
    events: u64,
    window: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    since: Monotonic,
    answered: u64,
    failed: u64,
}

impl Outcomes {
    pub(crate) fn new(events: u32, window: Duration) -> Self {
        let events = u64::from(events).div_ceil(u64::from(BUCKETS));
        Self { buckets: [Bucket::default(); BUCKETS as usize], newest: 0, events, window }
    }

    pub(crate) fn add(&mut self, answered: u64, failed: u64, now: Monotonic) {
        let bucket = &self.buckets[self.newest];
        let full = bucket.answered + bucket.failed >= self.events;
        if full || now.since(bucket.since) >= self.window / u32::from(BUCKETS) {
            self.newest = (self.newest + 1) % self.buckets.len();
            self.buckets[self.newest] = Bucket { since: now, answered: 0, failed: 0 };
        }
        let bucket = &mut self.buckets[self.newest];
        bucket.answered += answered;
        bucket.failed += failed;
    }

    /// Outcomes that were answered, and those that failed.
    pub(crate) fn sum(&self, now: Monotonic) -> (u64, u64) {
        let current = self.buckets.iter().filter(|bucket| now.since(bucket.since) < self.window);
        current
            .fold((0, 0), |(answered, failed), bucket| (answered + bucket.answered, failed + bucket.failed))
    }

    pub(crate) fn clear(&mut self) {
        self.buckets = [Bucket::default(); BUCKETS as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sum_covers_what_is_new_and_nothing_that_is_old(
            steps in prop::collection::vec((0u64..30, any::<bool>()), 1..400),
        ) {
            let (window, mut now) = (Duration::from_nanos(100), Monotonic::from_nanos(1_000));
            let mut outcomes = Outcomes::new(50, window);
            let mut model: Vec<(Monotonic, bool)> = Vec::new();
            for (pause, failed) in steps {
                now = now + Duration::from_nanos(pause);
                outcomes.add(u64::from(!failed), u64::from(failed), now);
                model.push((now, failed));
                let (answered, bad) = outcomes.sum(now);
                let newest = |most: usize, age: u64| {
                    let recent = model.iter().rev().take(most);
                    recent.take_while(|(at, _)| now.since(*at) < Duration::from_nanos(age)).count() as u64
                };
                prop_assert!(answered + bad >= newest(45, 90), "an outcome is missing");
                prop_assert!(answered + bad <= newest(50, 100), "an old outcome counts");
            }
        }
    }
}

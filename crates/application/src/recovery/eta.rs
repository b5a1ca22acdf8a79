//! When a backlog will be gone.
//!
//! The slope of a least-squares line through the samples of a window (Gauss; closed form over running means) is how fast the backlog
//! shrinks, *live inflow included*: what matters is what is handled less what arrives. The time left is the backlog over that slope.
//! A line through many samples forgives the noise of single ones. A window that moves, of which the newer half counts, forgives that the
//! first seconds were slow: a recovery first finds out how much it may run.

use std::collections::VecDeque;
use std::time::Duration;

use laneway_domain::Monotonic;

/// Estimates when a backlog will be gone, from samples of it.
#[derive(Debug)]
pub struct DrainEta {
    window: Duration,
    samples: VecDeque<(Monotonic, u64)>,
}

impl Default for DrainEta {
    /// A window of 30 s: some checks long, and short beside a backlog that deserves an estimate.
    fn default() -> Self {
        Self::new(Duration::from_secs(30))
    }
}

impl DrainEta {
    /// Samples that are kept at most; of a denser series the newest.
    const SAMPLES: usize = 128;
    /// Samples below which there is no estimate.
    const LEAST: usize = 3;

    /// Estimates from the samples of the last `window`.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::new() }
    }

    /// The samples that count.
    fn recent(&self) -> impl Iterator<Item = (Monotonic, u64)> + '_ {
        let old = (self.samples.len() / 2).min(self.samples.len().saturating_sub(Self::LEAST));
        self.samples.iter().skip(old).copied()
    }

    /// Notes how many events are behind.
    pub fn observe(&mut self, events: u64, now: Monotonic) {
        let is_old = |sample: &(Monotonic, u64)| now.since(sample.0) > self.window;
        while self.samples.len() >= Self::SAMPLES || self.samples.front().is_some_and(is_old) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, events));
    }

    /// Forgets the samples: what comes next is another backlog.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// Events a second by which the backlog shrinks; negative where it grows, nothing where that cannot be told yet.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "backlogs stay far below 2^52")]
    pub fn rate(&self) -> Option<f64> {
        let (origin, _) = self.recent().next().filter(|_| self.samples.len() >= Self::LEAST)?;
        let point = |(at, events): (Monotonic, u64)| (at.since(origin).as_secs_f64(), events as f64);
        let count = self.recent().count() as f64;
        let sum = self.recent().map(point).fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
        let (mid_x, mid_y) = (sum.0 / count, sum.1 / count);
        let spread = |(xx, xy), (x, y)| {
            let dx: f64 = x - mid_x;
            (xx + dx * dx, xy + dx * (y - mid_y))
        };
        let (xx, xy) = self.recent().map(point).fold((0.0, 0.0), spread);
        (xx > 0.0).then(|| -xy / xx)
    }

    /// How long it takes until nothing is behind; nothing where the backlog does not shrink.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "backlogs stay far below 2^52")]
    pub fn left(&self) -> Option<Duration> {
        let (_, events) = self.samples.back()?;
        if *events == 0 {
            return Some(Duration::ZERO);
        }
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(*events as f64 / rate).ok()
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a model in floating point")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_backlog_that_grows_or_was_seen_once_has_no_end() {
        let mut eta = DrainEta::default();
        for n in 0..5 {
            assert_eq!(eta.left(), None);
            eta.observe(100 + n, at(n as f64));
        }
        assert!(eta.rate().unwrap() < 0.0);
        eta.clear();
        eta.observe(0, at(9.0));
        assert_eq!(eta.left(), Some(Duration::ZERO));
    }

    #[test]
    fn samples_are_bounded_and_old_ones_forgotten() {
        let mut eta = DrainEta::new(Duration::from_secs(10));
        (0..1_000).for_each(|n| eta.observe(n, at(n as f64 / 100.0)));
        assert_eq!(eta.samples.len(), DrainEta::SAMPLES);
        eta.observe(7, at(60.0));
        assert_eq!((eta.samples.len(), eta.rate()), (1, None));
    }

    proptest! {
        /// 200,000 events behind, 500 a second live, a rate that ramps up over the first seconds and is noisy ever after.
        #[test]
        fn after_a_tenth_of_the_drain_the_estimate_is_within_a_quarter(
            rate in 1_500.0f64..20_000.0, noise in prop::collection::vec(0.8f64..1.2, 400),
        ) {
            let (mut eta, mut seen) = (DrainEta::default(), Vec::new());
            let (mut behind, mut now) = (200_000.0f64, 0.0);
            let step = 200_000.0 / (rate - 500.0) / 200.0;
            let mut noise = noise.iter().cycle();
            while behind > 0.0 {
                eta.observe(behind as u64, at(now));
                seen.push((now, eta.left()));
                let ramp = (now / (step * 4.0)).min(1.0);
                behind += (500.0 - rate * ramp * noise.next().unwrap()) * step;
                now += step;
            }
            for (when, left) in seen.into_iter().filter(|(when, _)| *when >= now / 10.0 && *when <= now * 0.95) {
                let (left, truth) = (left.unwrap().as_secs_f64(), now - when);
                prop_assert!((left - truth).abs() <= truth * 0.25, "at {when}: {left}, in truth {truth}");
            }
        }
    }
}

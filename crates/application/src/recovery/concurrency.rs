//! How many handlers run at once while recovering: as many as help.
//!
//! More handlers drain faster until what they need is saturated; from then on each waits longer and nothing goes faster. The limit follows
//! the gradient of the latency, as in `Gradient2Limit` of Netflix's *concurrency-limits* (Landau, Thurston, Bozarth: "Performance Under Load",
//! 2018), which comes from TCP Vegas (Brakmo, Peterson 1995): a latency above the long-term one says that work queues up somewhere.
//!
//! ```text
//! gradient = tolerance * long / short               within 0.5 ..= 1
//! limit    = limit * (1 - smoothing) + (limit * gradient + headroom) * smoothing      within min ..= max
//! ```
//!
//! Until the latency rises for the first time the limit grows by itself in each step, before smoothing: the slow start of TCP (Jacobson 1988),
//! so that a backlog does not wait for what it could have had.
//!
//! `short` is the mean latency of one window, `long` its exponential average over many; `long` falls faster after an overload, so that
//! the limit comes back. A limit that is not used by half is not raised: then something else is the bottleneck. Known weakness: under an
//! overload that never ends `long` follows slowly, and the limit creeps up; `max` bounds it.

use std::time::Duration;

use laneway_domain::{Invalid, Monotonic};

/// How the limit moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConcurrencyPolicy {
    /// The lowest limit. Default 16.
    pub min: usize,
    /// The highest limit. Default 1,024.
    pub max: usize,
    /// How long latencies are gathered for one step. Default 200 ms.
    pub window: Duration,
    /// How many latencies a step needs at least; a window lasts longer until it has them. Default 16.
    pub least: u32,
    /// How far the latency may rise above the long-term one before the limit falls, as a factor. Default 1.2.
    pub tolerance: f64,
    /// How much of a step is taken. Default 0.2.
    pub smoothing: f64,
    /// What the limit grows by in a step, before smoothing, while latencies stay; the queue that is allowed. Default 4, as the original's;
    /// a tenth of the limit where that is more, so that large limits are reached in seconds.
    pub headroom: usize,
    /// Windows over which the long-term latency is averaged. Default 600, as the original's: two minutes.
    pub long: u32,
}

impl Default for ConcurrencyPolicy {
    fn default() -> Self {
        Self {
            min: 16,
            max: 1_024,
            window: Duration::from_millis(200),
            least: 16,
            tolerance: 1.2,
            smoothing: 0.2,
            headroom: 4,
            long: 600,
        }
    }
}

impl ConcurrencyPolicy {
    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        let mut rule = |holds: bool, field: &'static str, rule: &str, found: String| {
            if !holds {
                faults.push(Invalid::new(field, rule.to_owned(), found));
            }
        };
        rule(self.min >= 1, "recovery.concurrency.min", "is at least 1", self.min.to_string());
        let max = self.max >= self.min && self.max <= 1_000_000;
        let range = format!("lies between min, which is {}, and 1000000", self.min);
        rule(max, "recovery.concurrency.max", &range, self.max.to_string());
        let window = self.window >= Duration::from_millis(1) && self.window <= Duration::from_secs(60);
        rule(window, "recovery.concurrency.window", "lies between 1ms and 60s", format!("{:?}", self.window));
        rule(self.least >= 1, "recovery.concurrency.least", "is at least 1", self.least.to_string());
        let tolerance = (1.0..=10.0).contains(&self.tolerance);
        rule(
            tolerance,
            "recovery.concurrency.tolerance",
            "lies between 1 and 10",
            self.tolerance.to_string(),
        );
        let smoothing = self.smoothing > 0.0 && self.smoothing <= 1.0;
        rule(
            smoothing,
            "recovery.concurrency.smoothing",
            "lies above 0 and is at most 1",
            self.smoothing.to_string(),
        );
        let headroom = (1..=10_000).contains(&self.headroom);
        rule(
            headroom,
            "recovery.concurrency.headroom",
            "lies between 1 and 10000",
            self.headroom.to_string(),
        );
        let long = (10..=1_000_000).contains(&self.long);
        rule(long, "recovery.concurrency.long", "lies between 10 and 1000000", self.long.to_string());
        faults
    }
}

/// What a report says of attempts that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latencies {
    /// How many.
    pub count: u32,
    /// How long they took, together.
    pub total: Duration,
    /// How many ran at once, at most.
    pub in_flight: usize,
}

/// The limit of one subscription.
#[derive(Debug)]
pub struct Concurrency {
    policy: ConcurrencyPolicy,
    limit: f64,
    long: f64,
    windows: u32,
    /// Whether the latency has never risen.
    slow_start: bool,
    gathered: Latencies,
    since: Monotonic,
}

impl Concurrency {
    /// Begins with the limit that holds now.
    #[must_use]
    pub fn new(policy: ConcurrencyPolicy, limit: usize, now: Monotonic) -> Self {
        let limit = float(limit.clamp(policy.min, policy.max));
        let (long, windows, slow_start, gathered) = (0.0, 0, true, Latencies::default());
        Self { policy, limit, long, windows, slow_start, gathered, since: now }
    }

    /// The limit.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within min and max")]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Notes what a report says; the new limit, where it changes.
    pub fn observe(&mut self, report: Latencies, now: Monotonic) -> Option<usize> {
        let all = &mut self.gathered;
        all.count = all.count.saturating_add(report.count);
        all.total = all.total.saturating_add(report.total);
        all.in_flight = all.in_flight.max(report.in_flight);
        if all.count < self.policy.least || now.since(self.since) < self.policy.window {
            return None;
        }
        self.since = now;
        let gathered = std::mem::take(&mut self.gathered);
        let before = self.limit();
        self.step(gathered);
        (self.limit() != before).then(|| self.limit())
    }

    fn step(&mut self, window: Latencies) {
        let policy = self.policy;
        let short = (window.total.as_secs_f64() / f64::from(window.count)).max(1e-9);
        self.lengthen(short);
        if float(window.in_flight) < self.limit / 2.0 {
            return;
        }
        let gradient = (policy.tolerance * self.long / short).clamp(0.5, 1.0);
        self.slow_start &= gradient >= 1.0;
        // Only an unloaded system may be asked for more in large steps.
        let room = match gradient {
            _ if self.slow_start => float(policy.headroom).max(self.limit),
            ..1.0 => float(policy.headroom),
            _ => float(policy.headroom).max(self.limit / 10.0),
        };
        let step = self.limit * gradient + room;
        let limit = self.limit * (1.0 - policy.smoothing) + step * policy.smoothing;
        self.limit = limit.clamp(float(policy.min), float(policy.max));
    }

    /// The long-term latency: the mean of the first ten windows, then an exponential average.
    fn lengthen(&mut self, short: f64) {
        self.windows = self.windows.saturating_add(1);
        let smoothed = 2.0 / (f64::from(self.policy.long) + 1.0);
        let weight = if self.windows <= 10 { 1.0 / f64::from(self.windows) } else { smoothed };
        self.long += (short - self.long) * weight;
        if self.long > 2.0 * short {
            self.long *= 0.9;
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "at most a million")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A dependency that serves `capacity` at once, each in `base`; whoever comes beyond queues.
    struct Dependency {
        capacity: usize,
        base: Duration,
    }

    impl Dependency {
        fn latency(&self, in_flight: usize) -> Duration {
            self.base.mul_f64((in_flight as f64 / self.capacity as f64).max(1.0))
        }

        /// Runs for so many windows with as many in flight as may be; the share of the possible rate in the last one.
        fn run(&self, limiter: &mut Concurrency, from: &mut Monotonic, windows: u32) -> f64 {
            let mut served = 0.0;
            for _ in 0..windows {
                *from = *from + Duration::from_millis(200);
                let (in_flight, count) = (limiter.limit(), 100);
                let latency = self.latency(in_flight);
                served = in_flight as f64 / latency.as_secs_f64();
                limiter.observe(Latencies { count, total: latency * count, in_flight }, *from);
            }
            served / (self.capacity as f64 / self.base.as_secs_f64())
        }
    }

    #[test]
    fn the_limit_finds_what_a_dependency_can_take_and_follows_it() {
        let mut now = Monotonic::ZERO;
        let mut limiter = Concurrency::new(ConcurrencyPolicy::default(), 16, now);
        let base = Duration::from_millis(5);
        let share = Dependency { capacity: 128, base }.run(&mut limiter, &mut now, 300);
        assert!(share > 0.95, "drains at {share} of what is possible with {}", limiter.limit());
        assert!(limiter.limit() < 128 * 2, "queues {}", limiter.limit());
        let share = Dependency { capacity: 32, base }.run(&mut limiter, &mut now, 300);
        assert!(share > 0.95 && limiter.limit() < 32 * 3, "{share} with {}", limiter.limit());
        let share = Dependency { capacity: 512, base }.run(&mut limiter, &mut now, 600);
        assert!(share > 0.9, "{share} with {}", limiter.limit());
    }

    #[test]
    fn a_limit_that_nobody_uses_is_not_raised() {
        let mut limiter = Concurrency::new(ConcurrencyPolicy::default(), 100, Monotonic::ZERO);
        for n in 1..200 {
            let report = Latencies { count: 50, total: Duration::from_millis(50), in_flight: 3 };
            assert_eq!(limiter.observe(report, Monotonic::ZERO + Duration::from_millis(200 * n)), None);
        }
    }

    #[test]
    fn absurd_settings_are_named_all_at_once() {
        let absurd = ConcurrencyPolicy {
            min: 0,
            max: 2_000_000,
            window: Duration::ZERO,
            least: 0,
            tolerance: 0.9,
            smoothing: f64::NAN,
            headroom: 0,
            long: 0,
        };
        assert_eq!(absurd.faults().len(), 8);
        assert_eq!(ConcurrencyPolicy::default().faults(), []);
    }

    proptest! {
        #[test]
        fn the_limit_stays_within_its_bounds_whatever_is_measured(
            reports in prop::collection::vec((0u32..100, 0u64..10_000_000_000, 0usize..5_000, 0u64..500), 0..300),
        ) {
            let policy = ConcurrencyPolicy { min: 4, max: 64, ..ConcurrencyPolicy::default() };
            let mut now = Monotonic::ZERO;
            let mut limiter = Concurrency::new(policy, 1_000, now);
            for (count, total, in_flight, pause) in reports {
                now = now + Duration::from_millis(pause);
                let before = limiter.limit();
                let said = limiter.observe(Latencies { count, total: Duration::from_nanos(total), in_flight }, now);
                prop_assert!((4..=64).contains(&limiter.limit()));
                prop_assert_eq!(said, (limiter.limit() != before).then_some(limiter.limit()));
            }
        }
    }
}

//! When a failed event is tried again.

use std::time::Duration;

use laneway_domain::{ErrorClass, Invalid};

/// How often, and after how long, a retryable failure is tried again.
///
/// The wait before retry *n* is `initial_interval * multiplier^(n-1)`, at most `max_interval`, then spread evenly over
/// `1 ± jitter` of itself and cut at `max_interval` again, so that aggregates which failed together do not come back
/// together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first attempt; 0 dead-letters at the first failure. Default 5: with the intervals below an
    /// event gets about 6 s, longer than a restart of a small service takes.
    pub max_retries: u32,
    /// The wait before the first retry. Default 200 ms.
    pub initial_interval: Duration,
    /// The longest wait, at most [`RetryPolicy::LONGEST`]. Default 10 s. Where it is longer than what a subscription holds in
    /// memory, the dead-letter store has to park.
    pub max_interval: Duration,
    /// What each wait is multiplied by to give the next. Default 2.
    pub multiplier: f64,
    /// The share of a wait that chance adds or takes, 0 to 1. Default 0.2.
    pub jitter: f64,
}

/// What to do with a failed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try again after this time.
    After(Duration),
    /// Give up: a dead letter, because the attempts are exhausted.
    Exhausted,
    /// Give up: a dead letter, because trying again changes nothing.
    Fatal,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 5,
            initial_interval: Duration::from_millis(200),
            max_interval: Duration::from_secs(10),
            multiplier: 2.0,
            jitter: 0.2,
        }
    }
}

impl RetryPolicy {
    /// The longest wait that a policy may ask for: 30 days.
    pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);

    /// No retries: every failure is a dead letter.
    #[must_use]
    pub fn none() -> Self {
        Self { max_retries: 0, ..Self::default() }
    }

    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        let mut rule = |holds: bool, field: &'static str, rule: &str, found: String| {
            if !holds {
                faults.push(Invalid::new(field, rule.to_owned(), found));
            }
        };
        let (first, longest) = (self.initial_interval, self.max_interval);
        rule(!first.is_zero(), "retry.initial_interval", "is longer than 0", format!("{first:?}"));
        let not_below = format!("is not below initial_interval, which is {first:?}");
        rule(longest >= first, "retry.max_interval", &not_below, format!("{longest:?}"));
        rule(longest <= Self::LONGEST, "retry.max_interval", "is at most 30 days", format!("{longest:?}"));
        let grows = self.multiplier >= 1.0 && self.multiplier <= 100.0;
        rule(grows, "retry.multiplier", "lies between 1 and 100", self.multiplier.to_string());
        let share = (0.0..=1.0).contains(&self.jitter);
        rule(share, "retry.jitter", "lies between 0 and 1", self.jitter.to_string());
        rule(self.max_retries <= 1_000, "retry.max_retries", "is at most 1000", self.max_retries.to_string());
        faults
    }

    /// What to do after an attempt that does not count, behind `failed` that do.
    #[must_use]
    pub fn once_more(&self, failed: u32, class: ErrorClass, seed: u64) -> Next {
        match class {
            ErrorClass::Fatal => Next::Fatal,
            ErrorClass::Retryable => Next::After(self.wait(failed.max(1), seed)),
        }
    }

    /// What to do after attempt number `attempt`, from 1, failed. `seed` decides the jitter: the same seed, the same
    /// wait.
    #[must_use]
    pub fn next(&self, attempt: u32, class: ErrorClass, seed: u64) -> Next {
        match class {
            ErrorClass::Fatal => Next::Fatal,
            ErrorClass::Retryable if attempt > self.max_retries => Next::Exhausted,
            ErrorClass::Retryable => Next::After(self.wait(attempt, seed)),
        }
    }

    #[allow(clippy::cast_precision_loss)] // 53 bits of chance are plenty
    fn wait(&self, attempt: u32, seed: u64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let longest = self.max_interval.as_secs_f64();
        let wait = (self.initial_interval.as_secs_f64() * self.multiplier.powi(exponent)).min(longest);
        let chance = (mix(seed) >> 11) as f64 / (1u64 << 53) as f64;
        let spread = wait * (1.0 + self.jitter * (2.0 * chance - 1.0));
        Duration::try_from_secs_f64(spread.min(longest)).unwrap_or(self.max_interval)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated numbers.
const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn absurd_settings_are_named_all_at_once() {
        let policy = RetryPolicy {
            max_retries: 5_000,
            initial_interval: Duration::from_secs(20),
            max_interval: Duration::from_secs(10),
            multiplier: 0.5,
            jitter: f64::NAN,
        };
        let fields: Vec<_> = policy.faults().iter().map(|fault| fault.field().to_owned()).collect();
        assert_eq!(fields, ["retry.max_interval", "retry.multiplier", "retry.jitter", "retry.max_retries"]);
        let long = RetryPolicy { max_interval: RetryPolicy::LONGEST * 2, ..RetryPolicy::default() };
        assert!(long.faults()[0].rule().contains("30 days"));
        assert_eq!(RetryPolicy::default().faults(), []);
    }

    #[test]
    fn a_fatal_failure_is_never_tried_again() {
        assert_eq!(RetryPolicy::default().next(1, ErrorClass::Fatal, 0), Next::Fatal);
        assert_eq!(RetryPolicy::none().next(1, ErrorClass::Retryable, 0), Next::Exhausted);
    }

    proptest! {
        #[test]
        fn waits_grow_within_their_jitter_and_never_pass_the_longest(
            attempt in 1u32..200, seed in any::<u64>(), multiplier in 1.0f64..10.0, jitter in 0.0f64..1.0,
        ) {
            let policy = RetryPolicy { max_retries: 100, multiplier, jitter, ..RetryPolicy::default() };
            match policy.next(attempt, ErrorClass::Retryable, seed) {
                Next::Exhausted => prop_assert!(attempt > 100),
                Next::Fatal => prop_assert!(false),
                Next::After(wait) => {
                    prop_assert!(attempt <= 100 && wait <= policy.max_interval);
                    prop_assert_eq!(policy.next(attempt, ErrorClass::Retryable, seed), Next::After(wait));
                    let least = policy.initial_interval.mul_f64((1.0 - jitter).max(0.0));
                    prop_assert!(wait + Duration::from_nanos(2) >= least);
                }
            }
        }
    }
}

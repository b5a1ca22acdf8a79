//! How often something may start: rate and burst.
//!
//! The generic cell rate algorithm in its virtual-scheduling form (ITU-T I.371, annex A; ATM Forum *Traffic Management 4.0*,
//! section 4.4.2): a cell remembers one point in time, the *theoretical arrival time*. An event conforms if it does not come
//! earlier than that point less the tolerance; it then moves the point by the interval of the rate. It is a token bucket
//! without the bucket: one word, no refill timer, and the time of the next token is known instead of polled for. One word also
//! means that workers can share a cell by compare-and-set, without a lock as long as there are tokens; where there are none, they
//! stand in line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use laneway_domain::{Invalid, Monotonic};

use super::line::Line;
use crate::sabotage::{Bug, is_planted};

/// So many a second, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Events a second, on the average.
    pub per_second: f64,
    /// Events that may start at once after a pause; 1 spaces them evenly.
    pub burst: u32,
}

impl RateLimit {
    /// Every rule that the limit breaks; `field` says whose it is.
    #[must_use]
    pub fn faults(&self, field: &str) -> Vec<Invalid> {
        let mut faults = Vec::new();
        // Above, an interval of whole nanoseconds would be off by more than a thousandth.
        if !(0.001..=1_000_000.0).contains(&self.per_second) {
            let rule = "lies between 0.001 and 1000000";
            faults.push(Invalid::new(format!("{field}.per_second"), rule, self.per_second));
        }
        if !(1..=1_000_000).contains(&self.burst) {
            faults.push(Invalid::new(format!("{field}.burst"), "lies between 1 and 1000000", self.burst));
        }
        faults
    }

    /// The time between two events at this rate.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let seconds = Duration::try_from_secs_f64(1.0 / self.per_second);
        seconds.unwrap_or(Duration::MAX).max(Duration::from_nanos(1))
    }
}

/// What a rate has left, shared by the workers that draw on it.
#[derive(Debug)]
pub struct RateCell {
    /// The theoretical arrival time of the next event, in nanoseconds.
    arrival: AtomicU64,
    interval: u64,
    tolerance: u64,
    line: Line,
}

impl RateCell {
    /// A cell with its whole burst.
    #[must_use]
    pub fn new(limit: RateLimit) -> Self {
        let interval = u64::try_from(limit.interval().as_nanos()).unwrap_or(u64::MAX);
        let burst = u64::from(limit.burst.max(1)) * if is_planted(Bug::BurstIsTwice) { 2 } else { 1 };
        let tolerance = interval.saturating_mul(burst - 1);
        Self { arrival: AtomicU64::new(0), interval, tolerance, line: Line::default() }
    }

    /// Takes one token for a worker.
    ///
    /// # Errors
    /// When to ask again: the worker stands in line until then, and one token longer.
    #[inline]
    pub fn take(&self, worker: u32, now: Monotonic) -> Result<(), Monotonic> {
        if self.line.is_empty() && self.draw(now, 0) {
            return Ok(());
        }
        self.line_up(worker, now)
    }

    /// Takes one token, if there are that many more for those ahead.
    #[inline]
    fn draw(&self, now: Monotonic, ahead: u64) -> bool {
        let next = |arrival: u64| {
            let conforms = self.conforms_at(arrival, now, ahead) <= now.nanos();
            conforms.then(|| arrival.max(now.nanos()).saturating_add(self.interval))
        };
        self.arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// When there is a token beside those for `ahead` others.
    fn conforms_at(&self, arrival: u64, now: Monotonic, ahead: u64) -> u64 {
        let later = self.interval.saturating_mul(ahead);
        arrival.max(now.nanos()).saturating_add(later).saturating_sub(self.tolerance)
    }

    #[cold]
    fn line_up(&self, worker: u32, now: Monotonic) -> Result<(), Monotonic> {
        let mut line = self.line.lock();
        let ahead = line.ahead_of(worker, now);
        if self.draw(now, ahead) {
            line.leave(worker);
            return Ok(());
        }
        let arrival = self.arrival.load(Ordering::Relaxed);
        let own = self.conforms_at(arrival, now, ahead);
        line.stand(worker, Monotonic::from_nanos(own.saturating_add(self.interval)));
        // The next token that comes, whoever it is for: those ahead may have gone by then.
        let first = self.conforms_at(arrival, now, 0);
        let there = now.nanos().saturating_sub(first) / self.interval;
        let passed = if first > now.nanos() { 0 } else { self.interval.saturating_mul(there + 1) };
        Err(Monotonic::from_nanos(first.saturating_add(passed)))
    }

    /// A worker no longer waits for a token.
    pub fn leave(&self, worker: u32) {
        if !self.line.is_empty() {
            self.line.lock().leave(worker);
        }
    }

    /// Gives back a token that was taken and not used.
    pub fn give_back(&self) {
        let back = |arrival: u64| Some(arrival.saturating_sub(self.interval));
        // The closure always answers.
        let _ = self.arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
    }

    /// When there is a token.
    #[must_use]
    pub fn ready_at(&self) -> Monotonic {
        Monotonic::from_nanos(self.arrival.load(Ordering::Relaxed).saturating_sub(self.tolerance))
    }

    /// Whether it has its whole burst again: then it is as good as a new one.
    #[must_use]
    pub fn is_rested(&self, now: Monotonic) -> bool {
        self.arrival.load(Ordering::Relaxed) <= now.nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_starts_at_once_and_then_the_rate_holds() {
        let cell = RateCell::new(RateLimit { per_second: 10.0, burst: 3 });
        assert!((0..3).all(|_| cell.take(0, at(5_000)).is_ok()));
        assert_eq!(cell.take(0, at(5_000)), Err(at(5_100)));
        assert_eq!(cell.ready_at(), at(5_100));
        assert_eq!(cell.take(0, at(5_100)), Ok(()));
        assert_eq!(cell.take(0, at(5_199)), Err(at(5_200)));
        assert!(!cell.is_rested(at(5_399)) && cell.is_rested(at(5_400)));
        cell.give_back();
        assert_eq!(cell.take(0, at(5_199)), Ok(()));
    }

    #[test]
    fn workers_that_share_a_cell_get_no_more_than_its_burst_together() {
        let cell = RateCell::new(RateLimit { per_second: 1.0, burst: 1_000 });
        let taken = std::thread::scope(|scope| {
            let worker = || (0..1_000).filter(|_| cell.take(0, Monotonic::ZERO).is_ok()).count();
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>()
        });
        assert_eq!(taken, 1_000);
    }

    fn at(millis: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn workers_that_wait_for_one_rate_get_its_tokens_in_turn() {
        let cell = RateCell::new(RateLimit { per_second: 10.0, burst: 1 });
        cell.take(0, at(0)).unwrap();
        let mut taken = Vec::new();
        for now in (0..10).map(|n| at(n * 100)) {
            // Worker 0 is always the first to ask, and asks again at once.
            for worker in [0, 1, 2, 0] {
                match cell.take(worker, now) {
                    Ok(()) => taken.push(worker),
                    Err(until) => assert_eq!(until, now + Duration::from_millis(100)),
                }
            }
        }
        assert_eq!(taken, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn who_does_not_come_for_its_token_loses_its_place_after_one_more() {
        let cell = RateCell::new(RateLimit { per_second: 10.0, burst: 1 });
        cell.take(0, at(0)).unwrap();
        assert_eq!(cell.take(0, at(10)), Err(at(100)));
        assert_eq!(cell.take(1, at(10)), Err(at(100)));
        assert_eq!(cell.take(1, at(150)), Err(at(250)), "the first may still come");
        assert_eq!(cell.take(1, at(250)), Ok(()));
        assert_eq!(cell.take(0, at(350)), Ok(()), "nobody waits any more");
        assert!(cell.line.is_empty());
    }

    #[test]
    fn who_needs_no_token_any_more_stands_in_nobodys_way() {
        let cell = RateCell::new(RateLimit { per_second: 10.0, burst: 2 });
        assert!(cell.take(0, at(0)).is_ok() && cell.take(0, at(0)).is_ok());
        assert!(cell.take(0, at(0)).is_err() && cell.take(1, at(0)).is_err());
        assert_eq!(cell.take(1, at(100)), Err(at(200)), "one token is there, for the first");
        cell.leave(0);
        assert_eq!(cell.take(1, at(100)), Ok(()));
    }

    #[test]
    fn absurd_limits_are_named_with_their_field() {
        let absurd = RateLimit { per_second: f64::NAN, burst: 0 };
        let fields: Vec<_> = absurd.faults("flow.tenant").iter().map(|f| f.field().to_owned()).collect();
        assert_eq!(fields, ["flow.tenant.per_second", "flow.tenant.burst"]);
        assert_eq!(RateLimit { per_second: 0.5, burst: 1 }.faults("x"), []);
        assert_eq!(RateLimit { per_second: -1.0, burst: 1 }.faults("x").len(), 1);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_its_burst_and_its_rate(
            per_second in 1u32..1_000, burst in 1u32..20,
            pauses in prop::collection::vec(0u64..20_000_000, 1..200),
        ) {
            let cell = RateCell::new(RateLimit { per_second: f64::from(per_second), burst });
            let (mut now, mut taken) = (Monotonic::ZERO, Vec::new());
            for pause in pauses {
                now = now + Duration::from_nanos(pause);
                match cell.take(0, now) {
                    Ok(()) => taken.push(now),
                    Err(then) => {
                        prop_assert!(then > now, "a token that is there was refused");
                        prop_assert_eq!(cell.ready_at(), then);
                    }
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let events = (last - first + 1) as f64;
                    let allowed = f64::from(burst) + to.since(*from).as_secs_f64() * f64::from(per_second);
                    prop_assert!(events <= allowed + 0.01, "{} events, {} allowed", events, allowed);
                }
            }
        }
    }
}

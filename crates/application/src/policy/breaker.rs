//! When a subscription stops starting, because what its handlers need is down.
//!
//! A dependency that is down fails every event that needs it. Without a breaker each of them uses up its attempts and
//! dies: an outage of a minute fills the dead letters with healthy events. So when most outcomes of a subscription are
//! retryable failures, starting stops, attempts do not count, and one lane at a time probes until the answer changes.
//!
//! The shape is that of Nygard's circuit breaker (*Release It!*, 2007, chapter 5): closed, open for a time, half open. The
//! window is bounded by count *and* by time: a busy subscription judges by its newest outcomes, a quiet one never by
//! those of an hour ago.
//!
//! A probe that fails after others were answered counts as an attempt, so an event that always fails dies in the end. One that
//! always fails and is alone is not told from an outage: it probes for ever, and the health says so.

use std::time::Duration;

use laneway_domain::{Invalid, Monotonic};

use super::outcomes::Outcomes;

/// When starting stops, and how it begins again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerPolicy {
    /// The share of retryable failures among the outcomes in the window that opens the breaker, above 0 and at most 1.
    /// Default 0.5: most of them.
    pub share: f64,
    /// How many outcomes there must be before anything is judged. Default 20: three failures in a row open nothing.
    pub least: u32,
    /// How many of the newest outcomes are judged; all of a batch count, also beyond it. Default 500.
    pub events: u32,
    /// How long an outcome counts. Default 10 s.
    pub window: Duration,
    /// The first wait before a probe. Default 1 s.
    pub first_wait: Duration,
    /// The longest wait before a probe. Default 30 s: what a recovered dependency waits at most.
    pub longest_wait: Duration,
    /// What each wait is multiplied by to give the next while probes fail. Default 2.
    pub multiplier: f64,
    /// Probes in a row that must be answered before all may start again. Default 3.
    pub probes: u32,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            share: 0.5,
            least: 20,
            events: 500,
            window: Duration::from_secs(10),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
            multiplier: 2.0,
            probes: 3,
        }
    }
}

impl BreakerPolicy {
    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        let mut rule = |holds: bool, field: &'static str, rule: &str, found: String| {
            if !holds {
                faults.push(Invalid::new(field, rule.to_owned(), found));
            }
        };
        let share = self.share > 0.0 && self.share <= 1.0;
        rule(share, "breaker.share", "lies above 0 and is at most 1", self.share.to_string());
        rule(self.least >= 1, "breaker.least", "is at least 1", self.least.to_string());
        let enough = self.events >= self.least && self.events <= 1_000_000;
        let range = format!("lies between least, which is {}, and 1000000", self.least);
        rule(enough, "breaker.events", &range, self.events.to_string());
        let window = self.window >= Duration::from_millis(10) && self.window <= Duration::from_secs(3_600);
        rule(window, "breaker.window", "lies between 10ms and 1h", format!("{:?}", self.window));
        let first = format!("{:?}", self.first_wait);
        rule(!self.first_wait.is_zero(), "breaker.first_wait", "is longer than 0", first);
        let longest = self.longest_wait >= self.first_wait && self.longest_wait <= Duration::from_secs(3_600);
        let found = format!("{:?}", self.longest_wait);
        let range = format!("lies between first_wait, which is {:?}, and 1h", self.first_wait);
        rule(longest, "breaker.longest_wait", &range, found);
        let grows = (1.0..=100.0).contains(&self.multiplier);
        rule(grows, "breaker.multiplier", "lies between 1 and 100", self.multiplier.to_string());
        let probes = (1..=1_000).contains(&self.probes);
        rule(probes, "breaker.probes", "lies between 1 and 1000", self.probes.to_string());
        faults
    }
}

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerState {
    /// Everything may start.
    #[default]
    Closed,
    /// Nothing may start before `until`.
    Open {
        /// When the first probe may start.
        until: Monotonic,
    },
    /// One lane at a time may start.
    HalfOpen,
}

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The handler was done, or failed in a way that trying again does not help: what it needs answers.
    Answered,
    /// The handler failed in a way that trying again may help.
    Failed,
    /// Nobody knows: its partition was taken away.
    Lost,
}

/// The breaker of one subscription.
///
/// While it is closed it is told the outcomes of each report, [`observe`](Self::observe). While it is not, outcomes of
/// what had started before say nothing new and are ignored; only probes count, and [`may_probe`](Self::may_probe) gives
/// out one at a time. Each method that may change the state answers the new one, once a transition.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: BreakerState,
    outcomes: Outcomes,
    /// Openings in a row that no calm time has followed; decides the wait.
    openings: i32,
    /// When the breaker closed last.
    closed_at: Monotonic,
    /// Probes answered in a row.
    answered: u32,
    probing: bool,
}

impl Breaker {
    /// Closed, with nothing seen.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: BreakerState::Closed,
            outcomes: Outcomes::new(policy.events, policy.window),
            openings: 0,
            closed_at: Monotonic::ZERO,
            answered: 0,
            probing: false,
        }
    }

    /// What may start.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Whether a probe was answered since it opened half: then one that fails does so for reasons of its own, and its attempt
    /// counts. Else an event that always fails would keep the breaker open for ever.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        self.state == BreakerState::HalfOpen && self.answered > 0
    }

    /// When [`wake`](Self::wake) has something to do.
    #[must_use]
    pub fn due(&self) -> Monotonic {
        match self.state {
            BreakerState::Open { until } => until,
            BreakerState::Closed | BreakerState::HalfOpen => Monotonic::NEVER,
        }
    }

    /// Notes a report: `failed` retryable failures, and `answered` outcomes of any other kind.
    pub fn observe(&mut self, answered: usize, failed: usize, now: Monotonic) -> Option<BreakerState> {
        if self.state != BreakerState::Closed {
            return None;
        }
        self.outcomes.add(answered as u64, failed as u64, now);
        if failed == 0 || !self.is_tripped(now) {
            return None;
        }
        // Calm for as long as the outcomes of a window: what fails now is another matter than what failed then.
        if now.since(self.closed_at) > self.policy.window.max(self.policy.longest_wait) {
            self.openings = 0;
        }
        Some(self.open(now))
    }

    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    fn is_tripped(&mut self, now: Monotonic) -> bool {
        let (answered, failed) = self.outcomes.sum(now);
        let all = answered + failed;
        all >= u64::from(self.policy.least) && failed as f64 >= self.policy.share * all as f64
    }

    fn open(&mut self, now: Monotonic) -> BreakerState {
        let grown = self.policy.first_wait.as_secs_f64() * self.policy.multiplier.powi(self.openings);
        let wait = Duration::try_from_secs_f64(grown.min(self.policy.longest_wait.as_secs_f64()));
        self.openings = self.openings.saturating_add(1);
        self.outcomes.clear();
        (self.answered, self.probing) = (0, false);
        self.state = BreakerState::Open { until: now + wait.unwrap_or(self.policy.longest_wait) };
        self.state
    }

    /// Opens half, where the time has come.
    pub fn wake(&mut self, now: Monotonic) -> Option<BreakerState> {
        if self.due() > now {
            return None;
        }
        self.state = BreakerState::HalfOpen;
        Some(self.state)
    }

    /// Whether a lane may start as a probe now; the next one may once this has [ended](Self::probed).
    pub fn may_probe(&mut self) -> bool {
        self.state == BreakerState::HalfOpen && !std::mem::replace(&mut self.probing, true)
    }

    /// The probe has ended.
    pub fn probed(&mut self, probe: Probe, now: Monotonic) -> Option<BreakerState> {
        if self.state != BreakerState::HalfOpen || !std::mem::take(&mut self.probing) {
            return None;
        }
        match probe {
            Probe::Lost => None,
            Probe::Failed => Some(self.open(now)),
            Probe::Answered => {
                self.answered += 1;
                (self.answered >= self.policy.probes).then(|| self.close(now))
            }
        }
    }

    fn close(&mut self, now: Monotonic) -> BreakerState {
        self.closed_at = now;
        self.state = BreakerState::Closed;
        self.state
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;

//! Whether a subscription recovers: `Normal -> Recovering -> Draining -> Normal`, and back from `Draining` where the backlog returns.
//!
//! *Entered* by backlog, by hand, or at the start. *Left* after some clean checks in a row, or by hand: then what started while
//! recovering ends (`Draining`) before the subscription is as it was. Entry and exit have thresholds of their own, a gap apart, and a mode
//! stays for a time: the two usual guards against flapping, a Schmitt trigger and a dwell time. Edges and dwell time are invariant I16,
//! and the tests ask its predicate.

use std::time::Duration;

use laneway_domain::invariant::RecoveryMode;
use laneway_domain::{Invalid, Monotonic, PartitionLag, Timestamp};
use thiserror::Error;

/// When a subscription recovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryPolicy {
    /// Whether it starts in recovery. Default no.
    pub at_start: bool,
    /// Events behind at which recovery begins. Default 10,000.
    pub enter_events: u64,
    /// Age of the oldest unhandled event at which recovery begins. Default 60 s.
    pub enter_age: Duration,
    /// A check is clean with at most so many events behind. Default 1,000: a second or so of work.
    pub exit_events: u64,
    /// A check is clean if the oldest unhandled event is at most so old. Default 5 s.
    pub exit_age: Duration,
    /// Clean checks in a row after which recovery ends. Default 3.
    pub transition_threshold: u32,
    /// How long a mode stays at least, `Draining` excepted: that ends when it is empty. Default 60 s.
    pub hysteresis: Duration,
}

impl Default for RecoveryPolicy {
    fn default() -> Self {
        Self {
            at_start: false,
            enter_events: 10_000,
            enter_age: Duration::from_secs(60),
            exit_events: 1_000,
            exit_age: Duration::from_secs(5),
            transition_threshold: 3,
            hysteresis: Duration::from_secs(60),
        }
    }
}

impl RecoveryPolicy {
    /// Every rule that the policy breaks: thresholds that would flap among them.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        let mut rule = |holds: bool, field: &'static str, rule: &str, found: String| {
            if !holds {
                faults.push(Invalid::new(field, rule.to_owned(), found));
            }
        };
        rule(
            self.enter_events > 0,
            "recovery.policy.enter_events",
            "is at least 1",
            self.enter_events.to_string(),
        );
        let age = format!("{:?}", self.enter_age);
        rule(!self.enter_age.is_zero(), "recovery.policy.enter_age", "is longer than 0", age);
        let below = self.exit_events < self.enter_events;
        let flaps =
            format!("is below enter_events, which is {}: else the mode would flap", self.enter_events);
        rule(below, "recovery.policy.exit_events", &flaps, self.exit_events.to_string());
        let age = format!("{:?}", self.exit_age);
        rule(!self.exit_age.is_zero(), "recovery.policy.exit_age", "is longer than 0", age.clone());
        let flaps = format!("is below enter_age, which is {:?}: else the mode would flap", self.enter_age);
        rule(self.exit_age < self.enter_age, "recovery.policy.exit_age", &flaps, age);
        let checks = (1..=1_000).contains(&self.transition_threshold);
        let found = self.transition_threshold.to_string();
        rule(checks, "recovery.policy.transition_threshold", "lies between 1 and 1000", found);
        let stays = !self.hysteresis.is_zero() && self.hysteresis <= Duration::from_secs(24 * 3_600);
        let found = format!("{:?}", self.hysteresis);
        rule(stays, "recovery.policy.hysteresis", "is longer than 0 and at most 24h", found);
        faults
    }
}

/// One look at a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BacklogSample {
    /// Events behind.
    pub events: u64,
    /// The age of the oldest of them; zero where there is none.
    pub oldest: Duration,
}

impl BacklogSample {
    /// Sums up what the broker said of a group's partitions.
    #[must_use]
    pub fn of(rows: &[PartitionLag], now: Timestamp) -> Self {
        let oldest = rows.iter().filter_map(|row| row.oldest).map(|oldest| now.since(oldest)).max();
        Self { events: rows.iter().map(|row| row.events).sum(), oldest: oldest.unwrap_or_default() }
    }
}

/// A switch from one mode to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The mode before.
    pub from: RecoveryMode,
    /// The mode from now on.
    pub to: RecoveryMode,
}

/// Why a switch by hand was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SwitchRefused {
    /// There is no such edge.
    #[error("a subscription that is {from:?} cannot go to {to:?}")]
    NoSuchEdge {
        /// The mode.
        from: RecoveryMode,
        /// The one asked for.
        to: RecoveryMode,
    },
    /// The last switch is not long enough ago.
    #[error("the mode changed a moment ago and stays until {until:?}")]
    TooSoon {
        /// When it may change.
        until: Monotonic,
    },
    /// The subscription has no recovery options.
    #[error("the subscription does not recover: set `recovery` in its options")]
    Off,
    /// The subscription has ended.
    #[error("the subscription has ended")]
    Ended,
}

/// The mode of one subscription.
#[derive(Debug)]
pub struct Recovery {
    policy: RecoveryPolicy,
    mode: RecoveryMode,
    /// Before this time it neither enters nor leaves recovery.
    settled: Monotonic,
    clean: u32,
}

impl Recovery {
    /// The mode at the start: a recovery by choice, if the policy says so, stays for a while too.
    #[must_use]
    pub fn new(policy: RecoveryPolicy, now: Monotonic) -> Self {
        let (mode, settled) = if policy.at_start {
            (RecoveryMode::Recovering, now + policy.hysteresis)
        } else {
            (RecoveryMode::Normal, now)
        };
        Self { policy, mode, settled, clean: 0 }
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> RecoveryMode {
        self.mode
    }

    /// Takes a look at the backlog.
    pub fn observe(&mut self, sample: &BacklogSample, now: Monotonic) -> Option<Transition> {
        let Self { policy, .. } = *self;
        let over = sample.events >= policy.enter_events || sample.oldest >= policy.enter_age;
        let clean = sample.events <= policy.exit_events && sample.oldest <= policy.exit_age;
        self.clean = if clean { self.clean.saturating_add(1) } else { 0 };
        match self.mode {
            RecoveryMode::Normal | RecoveryMode::Draining if over => self.enter(now).ok(),
            RecoveryMode::Recovering if self.clean >= policy.transition_threshold => self.leave(now).ok(),
            _ => None,
        }
    }

    /// Begins a recovery.
    ///
    /// # Errors
    /// Where it is under way already, or where the last one has just ended.
    pub fn enter(&mut self, now: Monotonic) -> Result<Transition, SwitchRefused> {
        match self.mode {
            RecoveryMode::Recovering => self.refuse(RecoveryMode::Recovering),
            RecoveryMode::Draining => Ok(self.switch(RecoveryMode::Recovering, now)),
            RecoveryMode::Normal => self.switch_late(RecoveryMode::Recovering, now),
        }
    }

    /// Ends a recovery: what started while recovering ends.
    ///
    /// # Errors
    /// Where there is none, or where it has just begun.
    pub fn leave(&mut self, now: Monotonic) -> Result<Transition, SwitchRefused> {
        match self.mode {
            RecoveryMode::Recovering => self.switch_late(RecoveryMode::Draining, now),
            RecoveryMode::Normal | RecoveryMode::Draining => self.refuse(RecoveryMode::Draining),
        }
    }

    /// What started while recovering has ended.
    pub fn drained(&mut self, now: Monotonic) -> Option<Transition> {
        (self.mode == RecoveryMode::Draining).then(|| self.switch(RecoveryMode::Normal, now))
    }

    fn refuse(&self, to: RecoveryMode) -> Result<Transition, SwitchRefused> {
        Err(SwitchRefused::NoSuchEdge { from: self.mode, to })
    }

    fn switch_late(&mut self, to: RecoveryMode, now: Monotonic) -> Result<Transition, SwitchRefused> {
        if now < self.settled {
            return Err(SwitchRefused::TooSoon { until: self.settled });
        }
        Ok(self.switch(to, now))
    }

    fn switch(&mut self, to: RecoveryMode, now: Monotonic) -> Transition {
        let from = std::mem::replace(&mut self.mode, to);
        (self.settled, self.clean) = (now + self.policy.hysteresis, 0);
        Transition { from, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::GroupId;
    use laneway_domain::invariant::{Happening, History, Invariant, Limits};
    use proptest::prelude::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs(seconds)
    }

    fn behind(events: u64, seconds: u64) -> BacklogSample {
        BacklogSample { events, oldest: Duration::from_secs(seconds) }
    }

    fn to(mode: RecoveryMode) -> impl Fn(Option<Transition>) -> bool {
        move |transition| transition.is_some_and(|transition| transition.to == mode)
    }

    #[test]
    fn count_or_age_enters_and_clean_checks_in_a_row_leave() {
        for sample in [behind(10_000, 0), behind(1, 60)] {
            let mut recovery = Recovery::new(RecoveryPolicy::default(), at(0));
            assert_eq!(recovery.observe(&behind(9_999, 59), at(0)), None);
            assert!(to(RecoveryMode::Recovering)(recovery.observe(&sample, at(1))));
            for n in 0..2 {
                assert_eq!(recovery.observe(&behind(0, 0), at(100 + n)), None);
            }
            assert_eq!(
                recovery.observe(&behind(1_001, 0), at(103)),
                None,
                "not clean: counting starts again"
            );
            for n in 0..2 {
                assert_eq!(recovery.observe(&behind(1_000, 5), at(104 + n)), None);
            }
            assert!(to(RecoveryMode::Draining)(recovery.observe(&behind(0, 0), at(106))));
            assert!(to(RecoveryMode::Normal)(recovery.drained(at(106))));
        }
    }

    #[test]
    fn a_backlog_that_returns_while_draining_goes_back_to_recovering() {
        let mut recovery = Recovery::new(RecoveryPolicy::default(), at(0));
        recovery.enter(at(0)).unwrap();
        recovery.leave(at(60)).unwrap();
        assert!(to(RecoveryMode::Recovering)(recovery.observe(&behind(20_000, 0), at(61))));
        assert_eq!(recovery.leave(at(62)), Err(SwitchRefused::TooSoon { until: at(121) }));
    }

    #[test]
    fn by_hand_there_are_no_other_edges_and_no_other_times() {
        let mut recovery = Recovery::new(RecoveryPolicy::default(), at(0));
        let (from, to) = (RecoveryMode::Normal, RecoveryMode::Draining);
        assert_eq!(recovery.leave(at(0)), Err(SwitchRefused::NoSuchEdge { from, to }));
        recovery.enter(at(0)).unwrap();
        assert!(matches!(recovery.enter(at(99)), Err(SwitchRefused::NoSuchEdge { .. })));
        assert_eq!(recovery.leave(at(59)), Err(SwitchRefused::TooSoon { until: at(60) }));
        assert_eq!(recovery.drained(at(59)), None);
        recovery.leave(at(60)).unwrap();
        recovery.drained(at(60)).unwrap();
        assert_eq!(recovery.enter(at(119)), Err(SwitchRefused::TooSoon { until: at(120) }));
    }

    #[test]
    fn a_recovery_by_choice_begins_at_the_start() {
        let mut recovery =
            Recovery::new(RecoveryPolicy { at_start: true, ..RecoveryPolicy::default() }, at(0));
        assert_eq!(recovery.mode(), RecoveryMode::Recovering);
        let checks: Vec<_> = (0..=60).filter_map(|n| recovery.observe(&behind(0, 0), at(n))).collect();
        assert_eq!(checks, [Transition { from: RecoveryMode::Recovering, to: RecoveryMode::Draining }]);
    }

    #[test]
    fn settings_that_would_flap_are_refused() {
        let equal = RecoveryPolicy {
            exit_events: 10_000,
            exit_age: Duration::from_secs(60),
            ..RecoveryPolicy::default()
        };
        let said: Vec<_> = equal.faults().iter().map(ToString::to_string).collect();
        assert!(said.len() == 2 && said.iter().all(|fault| fault.contains("flap")), "{said:?}");
        let zero = RecoveryPolicy {
            at_start: false,
            enter_events: 0,
            enter_age: Duration::ZERO,
            exit_events: 0,
            exit_age: Duration::ZERO,
            transition_threshold: 0,
            hysteresis: Duration::ZERO,
        };
        assert_eq!(zero.faults().len(), 7);
        assert_eq!(RecoveryPolicy::default().faults(), []);
    }

    proptest! {
        #[test]
        fn whatever_the_backlog_does_the_mode_keeps_i16(
            steps in prop::collection::vec((0u8..6, 0u64..20_000, 0u64..90, 0u64..40), 0..200),
        ) {
            let mut recovery = Recovery::new(RecoveryPolicy::default(), at(0));
            let (mut now, mut history) = (0, History::new());
            for (kind, events, age, pause) in steps {
                now += pause;
                let switched = match kind {
                    0 => recovery.enter(at(now)).ok(),
                    1 => recovery.leave(at(now)).ok(),
                    2 => recovery.drained(at(now)),
                    3 => recovery.observe(&behind(events, age), at(now)),
                    _ => recovery.observe(&behind(events / 20, age / 18), at(now)),
                };
                if let Some(Transition { from, to }) = switched {
                    prop_assert_eq!(recovery.mode(), to);
                    let group = GroupId::new("g").unwrap();
                    history.push(at(now), Happening::RecoverySwitched { group, from, to });
                }
            }
            prop_assert_eq!(Invariant::I16.violations(&history, &Limits::default()), []);
        }
    }
}

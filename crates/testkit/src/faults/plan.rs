//! What goes wrong, and how often.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use laneway_domain::Invalid;

use super::fault::{Crash, Fault};

/// Which faults strike: plain data, checked by [`Faults::new`](super::Faults::new).
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How likely a fault strikes where it can, from 0 to 1; 0 where it is not named.
    pub rates: BTreeMap<Fault, f64>,
    /// Faults that strike for sure, at this opportunity, counted from 1.
    pub points: BTreeSet<(Fault, u64)>,
    /// The longest delay. Default 250 ms: longer than a commit interval, shorter than a drain.
    pub longest_delay: Duration,
    /// How long a permission to start holds, where [`Fault::Pause`] may strike. Default 1 s.
    pub permission: Duration,
}

impl FaultPlan {
    /// A plan in which nothing goes wrong.
    #[must_use]
    pub const fn quiet(seed: u64) -> Self {
        Self {
            seed,
            rates: BTreeMap::new(),
            points: BTreeSet::new(),
            longest_delay: Duration::from_millis(250),
            permission: Duration::from_secs(1),
        }
    }

    /// Lets a fault strike at a rate, from 0 to 1.
    #[must_use]
    pub fn with(mut self, fault: Fault, rate: f64) -> Self {
        self.rates.insert(fault, rate);
        self
    }

    /// Loses acknowledgements of what was published, at a rate: the broker holds it, and its publisher does not know.
    #[must_use]
    pub fn lose_acks(self, rate: f64) -> Self {
        self.with(Fault::PublishAnswerLost, rate)
    }

    /// Breaks connections, at a rate for each batch that is read: what is not committed comes again.
    #[must_use]
    pub fn redeliver(self, rate: f64) -> Self {
        self.with(Fault::Disconnect, rate)
    }

    /// Crashes sessions at every point of their lives, at a rate each.
    #[must_use]
    pub fn crash(self, rate: f64) -> Self {
        Crash::ALL.into_iter().fold(self, |plan, point| plan.with(Fault::Crash(point), rate))
    }

    /// Lets the dead-letter store take up to [`longest_delay`](Self::longest_delay) for an answer, at a rate.
    #[must_use]
    pub fn slow_store(self, rate: f64) -> Self {
        self.with(Fault::LetterDelay, rate)
    }

    /// Lets the dead-letter store refuse, and lose answers, at a rate each.
    #[must_use]
    pub fn failing_store(self, rate: f64) -> Self {
        self.with(Fault::LetterRefused, rate).with(Fault::LetterAnswerLost, rate)
    }

    /// Lets a fault strike at its opportunity number `time`, from 1.
    #[must_use]
    pub fn at(mut self, fault: Fault, time: u64) -> Self {
        self.points.insert((fault, time));
        self
    }

    /// The rate of a fault.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates.get(&fault).copied().unwrap_or(0.0)
    }

    /// Whether a fault can strike at all.
    #[must_use]
    pub fn may(&self, fault: Fault) -> bool {
        self.rate(fault) > 0.0 || self.points.iter().any(|(known, _)| *known == fault)
    }

    /// Whether any fault can strike.
    #[must_use]
    pub fn may_strike(&self) -> bool {
        self.rates.values().any(|rate| *rate > 0.0) || !self.points.is_empty()
    }

    /// Every rule that the plan breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        let wrong = self.rates.iter().filter(|(_, rate)| !(0.0..=1.0).contains(*rate));
        faults.extend(
            wrong.map(|(fault, rate)| Invalid::new(format!("rates.{fault:?}"), "lies between 0 and 1", rate)),
        );
        if self.points.iter().any(|(_, time)| *time == 0) {
            faults.push(Invalid::new("points", "are counted from 1", 0));
        }
        for (field, value) in [("longest_delay", self.longest_delay), ("permission", self.permission)] {
            if value < Duration::from_millis(1) || value > Duration::from_secs(3_600) {
                faults.push(Invalid::new(field, "lies between 1ms and 1h", format!("{value:?}")));
            }
        }
        faults
    }
}

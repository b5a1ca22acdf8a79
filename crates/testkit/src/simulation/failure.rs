//! How a run ended.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use laneway_domain::invariant::{Invariant, Violation};

use super::scenario::Scenario;
use crate::faults::Fault;

/// A run that broke no invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its seed.
    pub seed: u64,
    /// The events that were published.
    pub events: usize,
    /// The happenings of its history.
    pub happenings: usize,
    /// How much virtual time it took.
    pub elapsed: Duration,
    /// How often each fault struck.
    pub struck: BTreeMap<Fault, u64>,
    /// How many dead letters and parked events were written to the store.
    pub stored: u64,
    /// How many of them left it again.
    pub left: u64,
}

/// A run that broke an invariant. Its text says how to see it again.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was run.
    pub scenario: Box<Scenario>,
    /// What it broke.
    pub violations: Vec<Violation>,
    /// The violations, with what happened around them.
    pub report: String,
    /// What members held when nothing happened any more.
    pub dump: Vec<String>,
}

impl Failure {
    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.scenario.seed
    }

    /// Whether it broke this invariant.
    #[must_use]
    pub fn breaks(&self, invariant: Invariant) -> bool {
        self.violations.iter().any(|violation| violation.invariant == invariant)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} (again: LANEWAY_SEED={})", self.seed(), self.seed())?;
        f.write_str(&self.report)?;
        for line in &self.dump {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{:#?}", self.scenario)
    }
}

impl std::error::Error for Failure {}

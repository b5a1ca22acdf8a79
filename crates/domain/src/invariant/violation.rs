//! What a predicate found.

use std::fmt;

use super::id::Invariant;

/// A place in a history at which an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: Invariant,
    /// The index of the happening that broke it; the history's length where its end did.
    pub at: usize,
    /// What is wrong, naming the event or the aggregate.
    pub what: String,
}

impl Violation {
    /// How many violations of one invariant are told; what comes behind them says nothing new.
    pub const MOST: usize = 100;
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at #{}: {}", self.invariant, self.at, self.what)
    }
}

/// Collects the violations of one invariant.
pub(super) struct Findings {
    invariant: Invariant,
    found: Vec<Violation>,
}

impl Findings {
    pub(super) fn of(invariant: Invariant) -> Self {
        Self { invariant, found: Vec::new() }
    }

    /// Notes one; `what` is only asked for while there is room.
    pub(super) fn add(&mut self, at: usize, what: impl FnOnce() -> String) {
        if self.found.len() < Violation::MOST {
            self.found.push(Violation { invariant: self.invariant, at, what: what() });
        }
    }

    /// What was found, in the order of the history.
    pub(super) fn done(mut self) -> Vec<Violation> {
        self.found.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        self.found
    }
}

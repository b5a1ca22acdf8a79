//! What became of a part.

use std::time::Duration;

use super::count::Count;

/// What became of a part.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The part's name.
    pub(crate) name: String,
    /// Its tests, or 1 for a part that is one check.
    pub(crate) count: Count,
    /// What went wrong, a line each; empty where nothing did.
    pub(crate) failures: Vec<String>,
    /// Why the part did not run, where it did not.
    pub(crate) skipped: Option<String>,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// The part in one word.
    pub(crate) fn word(&self) -> &'static str {
        match (self.failures.is_empty(), &self.skipped) {
            (false, _) => "FAILED",
            (true, Some(_)) => "SKIPPED",
            (true, None) => "passed",
        }
    }
}

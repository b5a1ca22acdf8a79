//! Judging: which invariants a history breaks, and what it looked like there.

mod crashes;
mod report;

use laneway_domain::invariant::{History, Invariant, Limits, Violation};

pub use crashes::blameless;
pub use report::report;

/// What of `history` breaks these invariants, by invariant and in the order found.
#[must_use]
pub fn check(history: &History, invariants: &[Invariant], limits: &Limits) -> Vec<Violation> {
    invariants.iter().flat_map(|invariant| invariant.violations(history, limits)).collect()
}

/// Fails the test where an invariant does not hold, with each violation and what happened around it.
///
/// # Panics
/// Where [`check`] finds something, or where the history is empty: nothing was recorded, so nothing was shown.
#[track_caller]
pub fn assert_holds(history: &History, invariants: &[Invariant], limits: &Limits) {
    assert!(!history.is_empty(), "nothing was recorded");
    let violations = check(history, invariants, limits);
    assert!(violations.is_empty(), "{}", report(history, &violations));
}

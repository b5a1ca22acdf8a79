//! I21: readiness follows the connections, and lag is near the truth.

use std::collections::HashSet;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};
use crate::time::Monotonic;

/// Answers within [`Limits::health`] of a change may be either.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut down = HashSet::new();
    let mut changed = Monotonic::ZERO;
    let mut findings = Findings::of(Invariant::I21);
    for (index, at, what) in history.iter() {
        let before = down.is_empty();
        match what {
            Happening::ConnectionDown { link } => {
                down.insert(*link);
            }
            Happening::ConnectionUp { link } => {
                down.remove(link);
            }
            Happening::HealthSampled { ready }
                if *ready != down.is_empty() && at > changed + limits.health =>
            {
                let (said, gone) = (if *ready { "ready" } else { "not ready" }, at.since(changed));
                findings.add(index, || format!("health says {said}, {gone:?} after that stopped being true"));
            }
            Happening::LagSampled { reported, actual } => {
                let off = reported.abs_diff(*actual);
                if u128::from(off) * 100 > u128::from(*actual) * u128::from(limits.lag_percent) {
                    findings.add(index, || format!("lag is {actual}, and {reported} was reported"));
                }
            }
            _ => {}
        }
        if before != down.is_empty() {
            changed = at;
        }
    }
    findings.done()
}

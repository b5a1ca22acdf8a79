//! What a run is judged by.

use std::time::Duration;

use laneway_domain::invariant::{Happening, History, Invariant, Limits, Moment, Violation};

use super::scenario::Scenario;
use crate::checkers;
use crate::conformance::WhenFull;

/// What must hold once everything is quiet, before anybody is closed.
const AT_REST: &[Invariant] = &[Invariant::I1, Invariant::I8];

/// What must hold over the whole of it.
const THROUGHOUT: &[Invariant] = &[
    Invariant::I2,
    Invariant::I3,
    Invariant::I4,
    Invariant::I5,
    Invariant::I6,
    Invariant::I7,
    Invariant::I10,
    Invariant::I18,
    Invariant::I22,
    Invariant::I23,
];

/// What a history breaks.
pub(super) fn judge(scenario: &Scenario, rest: &History, whole: &History) -> Vec<Violation> {
    let limits = limits(scenario);
    let mut violations = checkers::check(rest, AT_REST, &limits);
    violations.extend(checkers::check(whole, THROUGHOUT, &limits));
    // Deletion takes events that back off or wait for their entry, and these two know nothing of gaps.
    if matches!(scenario.keep, Some((_, WhenFull::DropOldest))) {
        violations.retain(|violation| !matches!(violation.invariant, Invariant::I6 | Invariant::I10));
    }
    violations
        .retain(|violation| violation.invariant != Invariant::I6 || is_its_own(whole, violation.at, &limits));
    violations.retain(|violation| violation.invariant != Invariant::I10 || !is_known(whole, violation.at));
    violations
}

/// Whether I6 is broken for a member also when nothing is known of the others: a run that outlived its tenure may fail
/// with the same event beside the owner's, and the entry of one closes the back-off of one only.
fn is_its_own(history: &History, at: usize, limits: &Limits) -> bool {
    let Some(Moment { what: Happening::HandlerStarted(start), .. }) = history.moments().get(at) else {
        return true;
    };
    let other =
        |what: &Happening| matches!(what, Happening::HandlerStarted(run) if run.member != start.member);
    let alone: History = history.moments().iter().filter(|moment| !other(&moment.what)).cloned().collect();
    !Invariant::I6.violations(&alone, limits).is_empty()
}

/// Whether an entry was written for the second time, by the next owner of its partition: it is not late, whatever
/// commits were sent since the first.
fn is_known(history: &History, at: usize) -> bool {
    let Some(Moment { what: Happening::DeadLettered { place, .. }, .. }) = history.moments().get(at) else {
        return false;
    };
    let mut before = history.moments()[..at].iter().map(|moment| &moment.what);
    let first =
        before.find(|what| matches!(what, Happening::DeadLettered { place: known, .. } if known == place));
    first.is_some()
        && before.any(|what| matches!(what, Happening::Assigned { scope, .. } if *scope == place.scope))
}

/// On one thread and a virtual clock a signal is heard in the instant that it is given; a timer may ring a
/// millisecond late.
fn limits(scenario: &Scenario) -> Limits {
    let after = scenario.groups.first().map(|group| group.after_dead_letter).unwrap_or_default();
    Limits {
        after_dead_letter: after,
        reaction: Duration::from_millis(2),
        fence: Duration::from_millis(5),
        ..Limits::default()
    }
}

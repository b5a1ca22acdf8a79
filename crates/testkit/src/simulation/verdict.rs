//! What a run is judged by.

use std::borrow::Cow;
use std::time::Duration;

use laneway_domain::GroupId;
use laneway_domain::invariant::{Happening, History, Invariant, Limits, Moment, Start, Violation};

use super::group::GroupPlan;
use super::modes::ModePlan;
use super::scenario::Scenario;
use super::traffic::EventPlan;
use crate::checkers;

/// What must hold once everything is quiet, before anybody is closed.
const AT_REST: &[Invariant] = &[Invariant::I1, Invariant::I8];

/// What must hold over the whole of it.
const THROUGHOUT: &[Invariant] = &[
    Invariant::I2,
    Invariant::I5,
    Invariant::I7,
    Invariant::I10,
    Invariant::I15,
    Invariant::I16,
    Invariant::I18,
    Invariant::I19,
    Invariant::I22,
    Invariant::I23,
    Invariant::I24,
];

/// What must hold over the whole of it for groups that keep aggregates in order.
const IN_ORDER: &[Invariant] = &[Invariant::I3, Invariant::I4, Invariant::I6];

/// What a history breaks.
pub(super) fn judge(
    scenario: &Scenario,
    groups: &[GroupId],
    rest: &History,
    cleared: Option<&History>,
    whole: &History,
) -> Vec<Violation> {
    let limits = limits(scenario);
    let stalls = scenario.groups.iter().any(GroupPlan::may_stall);
    let buries = || rest.moments().iter().any(|moment| matches!(moment.what, Happening::DeadLettered { .. }));
    // Behind a dead letter that blocks nothing may be read any more: then an event that waits is not lost.
    // A lane of several partitions that is blocked by one of them keeps the commits of all.
    let merges = scenario.groups.iter().any(|group| group.merges.is_some());
    // One that is parked by one of them keeps the events of the others aside until operators have cleared it.
    let keeps_aside = cleared.is_some() && scenario.groups.iter().any(GroupPlan::may_keep_aside);
    let at_rest = match stalls && buries() {
        _ if keeps_aside => &[][..],
        true if merges => &[],
        true => &[Invariant::I8],
        false => AT_REST,
    };
    let mut violations = checkers::check(rest, at_rest, &limits);
    violations.extend(cleared.iter().flat_map(|cleared| checkers::check(cleared, AT_REST, &limits)));
    violations.extend(checkers::check(whole, THROUGHOUT, &limits));
    let loose: Vec<_> = scenario.groups.iter().zip(groups).filter(|(plan, _)| !plan.is_in_order()).collect();
    let is_loose = |start: &Start| loose.iter().any(|(_, group)| **group == start.place.scope.group);
    violations.extend(checkers::check(&without_keys(whole, is_loose), IN_ORDER, &limits));
    violations
}

/// A history in which some starts are of no aggregate, as far as is known.
fn without_keys(history: &History, unkeyed: impl Fn(&Start) -> bool) -> Cow<'_, History> {
    let is_unkeyed = |what: &Happening| matches!(what, Happening::HandlerStarted(start) if unkeyed(start));
    if !history.moments().iter().any(|moment| is_unkeyed(&moment.what)) {
        return Cow::Borrowed(history);
    }
    let strip = |moment: &Moment| {
        let mut moment = moment.clone();
        if let Happening::HandlerStarted(start) = &mut moment.what
            && unkeyed(start)
        {
            start.event.key = None;
        }
        moment
    };
    let mut stripped: History = history.moments().iter().map(strip).collect();
    stripped.watched_until(history.end());
    Cow::Owned(stripped)
}

/// On one thread and a virtual clock a signal is heard in the instant that it is given; a timer may ring a
/// millisecond late.
fn limits(scenario: &Scenario) -> Limits {
    let after = scenario.groups.first().map(|group| group.after_dead_letter).unwrap_or_default();
    Limits {
        after_dead_letter: after,
        reaction: Duration::from_millis(2),
        fence: Duration::from_millis(5),
        buffer_bytes: most_bytes(scenario),
        hysteresis: ModePlan::HYSTERESIS,
        ..Limits::default()
    }
}

/// What all members together may hold.
fn most_bytes(scenario: &Scenario) -> u64 {
    let groups = scenario.groups.iter().enumerate();
    let each = groups.map(|(group, plan)| {
        let member = plan.most_open_bytes(scenario.partitions_of(plan), EventPlan::MOST_BYTES);
        (scenario.most_members(group) * member) as u64
    });
    each.sum()
}

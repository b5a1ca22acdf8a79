//! What a run is judged by.

use std::time::Duration;

use laneway_domain::GroupId;
use laneway_domain::invariant::{Happening, History, Invariant, Limits, Moment, Violation};

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
    if loose.is_empty() {
        violations.extend(checkers::check(whole, IN_ORDER, &limits));
    } else {
        let ordered = in_order(whole, |group| loose.iter().all(|(_, name)| *name != group));
        violations.extend(checkers::check(&ordered, IN_ORDER, &limits));
    }
    violations
}

/// A history in which the handlers of groups that keep nothing in order know of no aggregates.
fn in_order(history: &History, keeps: impl Fn(&GroupId) -> bool) -> History {
    let unkeyed = |moment: &Moment| {
        let mut moment = moment.clone();
        if let Happening::HandlerStarted(start) = &mut moment.what
            && !keeps(&start.place.scope.group)
        {
            start.event.key = None;
        }
        moment
    };
    let mut ordered: History = history.moments().iter().map(unkeyed).collect();
    ordered.watched_until(history.end());
    ordered
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

//! I1: what publish acknowledged is handled or dead-lettered, per group.

use std::collections::HashSet;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Sighting};
use super::track::{Audience, Settled};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::dead_letter::AfterDeadLetter;
use crate::identity::GroupId;
use crate::parking::Scope;
use crate::position::{PartitionNumber, Position};

/// What every group has done by the end.
struct Done<'h> {
    audience: Audience<'h>,
    settled: Settled<'h>,
    /// Aggregates that wait behind a dead letter, where the policy says so.
    blocked: HashSet<(&'h GroupId, &'h AggregateKey)>,
    dead: HashSet<&'h Place>,
}

/// Judged at the end of the history. An event is handled wherever it stood: a copy of it counts.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let done = Done::of(history, limits);
    let mut findings = Findings::of(Invariant::I1);
    for (index, _, what) in history.iter() {
        let Happening::Published { event, partition, position } = what else { continue };
        for group in done.audience.groups(&event.topic) {
            if !done.has(group, event, *partition, *position) {
                findings
                    .add(index, || format!("{event} was acknowledged, and group {group} has not handled it"));
            }
        }
    }
    findings.done()
}

impl<'h> Done<'h> {
    fn of(history: &'h History, limits: &Limits) -> Self {
        let blocks = limits.after_dead_letter == AfterDeadLetter::Block;
        let mut done = Self {
            audience: Audience::of(history),
            settled: Settled::new(limits),
            blocked: HashSet::new(),
            dead: HashSet::new(),
        };
        for (_, _, what) in history.iter() {
            done.settled.observe(what);
            if let (true, Happening::DeadLettered { place, key, .. }) = (blocks, what) {
                done.blocked.extend(key.as_ref().map(|key| (&place.scope.group, key)));
                done.dead.insert(place);
            }
        }
        done
    }

    fn has(
        &self,
        group: &GroupId,
        event: &Sighting,
        partition: PartitionNumber,
        at: Option<Position>,
    ) -> bool {
        let blocked = event.key.as_ref().is_some_and(|key| self.blocked.contains(&(group, key)));
        if blocked || event.id.is_some_and(|id| self.settled.holds_id(group, id)) {
            return true;
        }
        let Some(position) = at else { return false };
        let scope = Scope { group: group.clone(), topic: event.topic.clone(), partition };
        let settled = self.settled.holds(&scope, position) || self.audience.is_before(&scope, position);
        settled || self.dead.contains(&Place { scope, position })
    }
}

//! I1: what publish acknowledged is handled or dead-lettered, per group. What is parked waits for an operator, and is
//! neither lost nor done.

use std::collections::HashSet;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Sighting};
use super::terms::Outcome;
use super::track::{Audience, Runs, Settled};
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
    runs: Runs<'h>,
    handled: HashSet<&'h Place>,
    /// What left the dead-letter store, as its owner said, because it was handled.
    left: HashSet<&'h Place>,
}

/// Judged at the end of the history. An entry that left the store as handled was handled. An event is handled wherever it stood: a copy of it counts.
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
            runs: Runs::default(),
            handled: HashSet::new(),
            left: HashSet::new(),
        };
        for (_, _, what) in history.iter() {
            done.observe(what, blocks);
        }
        done
    }

    fn observe(&mut self, what: &'h Happening, blocks: bool) {
        self.settled.observe(what);
        let ended = self.runs.observe(what).into_iter().filter(|(_, outcome)| *outcome == Outcome::Done);
        self.handled.extend(ended.map(|(start, _)| &start.place));
        match what {
            Happening::DeadLettered { place, key, parks: false, .. } if blocks => {
                self.blocked.extend(key.as_ref().map(|key| (&place.scope.group, key)));
                self.dead.insert(place);
            }
            Happening::Left { place, handled: true } => {
                self.left.insert(place);
            }
            _ => {}
        }
    }

    fn has(
        &self,
        group: &GroupId,
        event: &Sighting,
        partition: PartitionNumber,
        at: Option<Position>,
    ) -> bool {
        let scope = Scope { group: group.clone(), topic: event.topic.clone(), partition };
        let place = at.map(|position| Place { scope: scope.clone(), position });
        if place.as_ref().is_some_and(|place| self.left.contains(place) && !self.handled.contains(place)) {
            return false;
        }
        let blocked = event.key.as_ref().is_some_and(|key| self.blocked.contains(&(group, key)));
        if blocked || event.id.is_some_and(|id| self.settled.holds_id(group, id)) {
            return true;
        }
        let (Some(position), Some(place)) = (at, place) else { return false };
        let settled = self.settled.holds(&scope, position) || self.audience.is_before(&scope, position);
        settled || self.dead.contains(&place)
    }
}

//! Which positions are terminal.

use std::collections::{HashMap, HashSet};

use super::gaps::Gaps;
use super::runs::Runs;
use crate::dead_letter::AfterDeadLetter;
use crate::identity::{EventId, GroupId};
use crate::invariant::happening::Happening;
use crate::invariant::limits::Limits;
use crate::invariant::place::Place;
use crate::invariant::terms::Outcome;
use crate::parking::Scope;
use crate::position::Position;

/// What is terminal at one point of a history: handled, dead-lettered (unless that blocks), parked, known to the inbox,
/// or inside a reported gap. What became terminal stays so.
pub(in crate::invariant) struct Settled<'h> {
    blocks: bool,
    runs: Runs<'h>,
    scopes: HashMap<&'h Scope, HashSet<Position>>,
    gaps: Gaps<'h>,
    ids: HashSet<(&'h GroupId, EventId)>,
}

impl<'h> Settled<'h> {
    pub(in crate::invariant) fn new(limits: &Limits) -> Self {
        let blocks = limits.after_dead_letter == AfterDeadLetter::Block;
        let (runs, gaps) = (Runs::default(), Gaps::default());
        Self { blocks, runs, scopes: HashMap::new(), gaps, ids: HashSet::new() }
    }

    /// Takes the next happening.
    pub(in crate::invariant) fn observe(&mut self, what: &'h Happening) {
        match what {
            Happening::DeadLettered { place, id, parks, .. } if !self.blocks || *parks => {
                self.settle(place, *id)
            }
            Happening::Parked { place, .. } | Happening::Skipped { place } => self.settle(place, None),
            Happening::GapReported { .. } => self.gaps.observe(what),
            _ => {
                for (start, outcome) in self.runs.observe(what) {
                    if outcome == Outcome::Done {
                        self.settle(&start.place, start.event.id);
                    }
                }
            }
        }
    }

    fn settle(&mut self, place: &'h Place, id: Option<EventId>) {
        self.scopes.entry(&place.scope).or_default().insert(place.position);
        self.ids.extend(id.map(|id| (&place.scope.group, id)));
    }

    /// Whether this position is terminal by now.
    pub(in crate::invariant) fn holds(&self, scope: &Scope, position: Position) -> bool {
        let done = self.scopes.get(scope).is_some_and(|positions| positions.contains(&position));
        done || self.gaps.hold(scope, position)
    }

    /// Whether this event is terminal by now, wherever it stood.
    pub(in crate::invariant) fn holds_id(&self, group: &GroupId, id: EventId) -> bool {
        self.ids.contains(&(group, id))
    }
}

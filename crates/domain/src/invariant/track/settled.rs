//! Which positions are terminal.

use std::collections::{HashMap, HashSet};

use super::runs::Runs;
use crate::dead_letter::AfterDeadLetter;
use crate::identity::{EventId, GroupId};
use crate::invariant::happening::{Happening, Outcome};
use crate::invariant::limits::Limits;
use crate::invariant::place::Place;
use crate::parking::Scope;
use crate::position::{Position, Resume};

/// What is terminal at one point of a history: handled, dead-lettered (unless that blocks), parked, known to the inbox,
/// or inside a reported gap. What became terminal stays so.
pub(in crate::invariant) struct Settled<'h> {
    blocks: bool,
    runs: Runs<'h>,
    scopes: HashMap<&'h Scope, Scoped>,
    ids: HashSet<(&'h GroupId, EventId)>,
}

#[derive(Default)]
struct Scoped {
    positions: HashSet<Position>,
    gaps: Vec<(u64, u64)>,
}

impl<'h> Settled<'h> {
    pub(in crate::invariant) fn new(limits: &Limits) -> Self {
        let blocks = limits.after_dead_letter == AfterDeadLetter::Block;
        Self { blocks, runs: Runs::default(), scopes: HashMap::new(), ids: HashSet::new() }
    }

    /// Takes the next happening.
    pub(in crate::invariant) fn observe(&mut self, what: &'h Happening) {
        match what {
            Happening::DeadLettered { place, id, .. } if !self.blocks => self.settle(place, *id),
            Happening::Parked { place } | Happening::Skipped { place } => self.settle(place, None),
            Happening::GapReported { scope, from, to } => {
                self.scopes.entry(scope).or_default().gaps.push((from.rank(), to.rank()));
            }
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
        self.scopes.entry(&place.scope).or_default().positions.insert(place.position);
        self.ids.extend(id.map(|id| (&place.scope.group, id)));
    }

    /// Whether this position is terminal by now.
    pub(in crate::invariant) fn holds(&self, scope: &Scope, position: Position) -> bool {
        let at = Resume::At(position).rank();
        self.scopes.get(scope).is_some_and(|scoped| {
            scoped.positions.contains(&position) || scoped.gaps.iter().any(|gap| gap.0 <= at && at < gap.1)
        })
    }

    /// Whether this event is terminal by now, wherever it stood.
    pub(in crate::invariant) fn holds_id(&self, group: &GroupId, id: EventId) -> bool {
        self.ids.contains(&(group, id))
    }
}

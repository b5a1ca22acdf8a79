//! What waits in the dead-letter store.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::runs::Runs;
use crate::aggregate::AggregateKey;
use crate::invariant::happening::Happening;
use crate::invariant::place::{Place, Start};
use crate::invariant::terms::Outcome;
use crate::parking::Scope;
use crate::position::Position;

type Lane<'h> = (&'h Scope, &'h AggregateKey);

/// Entries that close their aggregate, as long as nobody has handled them and they have not left.
#[derive(Default)]
pub(in crate::invariant) struct Shelf<'h> {
    runs: Runs<'h>,
    waiting: HashMap<Lane<'h>, BTreeSet<Position>>,
    keys: HashMap<&'h Place, &'h AggregateKey>,
    done: HashSet<&'h Place>,
}

impl<'h> Shelf<'h> {
    /// Takes the next happening.
    pub(in crate::invariant) fn observe(&mut self, what: &'h Happening) {
        match what {
            Happening::DeadLettered { place, key: Some(key), parks: true, .. }
            | Happening::Parked { place, key: Some(key), .. } => {
                self.keys.insert(place, key);
                if !self.done.contains(place) {
                    self.waiting.entry((&place.scope, key)).or_default().insert(place.position);
                }
            }
            // Buried beside its aggregate it closes nothing any more: its group goes on behind a dead letter.
            Happening::DeadLettered { place, parks: false, .. } | Happening::Left { place, .. } => {
                self.take_out(place);
            }
            _ => {
                for (start, outcome) in self.runs.observe(what) {
                    if outcome == Outcome::Done {
                        self.done.insert(&start.place);
                        self.take_out(&start.place);
                    }
                }
            }
        }
    }

    fn take_out(&mut self, place: &'h Place) {
        let Some(key) = self.keys.get(place) else { return };
        if let Some(waiting) = self.waiting.get_mut(&(&place.scope, *key)) {
            waiting.remove(&place.position);
        }
    }

    /// The first entry that waits ahead of an event of its aggregate.
    pub(in crate::invariant) fn ahead_of(&self, start: &Start) -> Option<Position> {
        let waiting = self.waiting.get(&(&start.place.scope, start.event.key.as_ref()?))?;
        waiting.first().copied().filter(|head| *head < start.place.position)
    }
}

//! I15: a redrive is once in effect, its followers come after their head, and a second failure returns.

use std::collections::{BTreeMap, HashMap};

use super::happening::{Happening, Outcome};
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::Place;
use super::track::Runs;
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::parking::Scope;
use crate::position::Position;

/// How far a redriven entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is in its lane.
    Waiting,
    /// It failed, and is in its lane or on its way to the store.
    Failed,
}

type Lane<'h> = (&'h Scope, &'h AggregateKey);

/// Follows each redriven entry until it is handled, or is back among the dead letters or the parked.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let keys = keys(history);
    let mut runs = Runs::default();
    let mut open: HashMap<Lane<'_>, BTreeMap<Position, Way>> = HashMap::new();
    let mut findings = Findings::of(Invariant::I15);
    for (index, _, what) in history.iter() {
        for (start, outcome) in runs.observe(what) {
            let Some(key) = start.event.key.as_ref() else { continue };
            let Some(lane) = open.get_mut(&(&start.place.scope, key)) else { continue };
            if outcome == Outcome::Done {
                lane.remove(&start.place.position);
            } else if let Some(way) = lane.get_mut(&start.place.position) {
                *way = Way::Failed;
            }
        }
        match what {
            Happening::Redriven { place } => {
                if let Some(key) = keys.get(place) {
                    open.entry((&place.scope, key)).or_default().insert(place.position, Way::Waiting);
                }
            }
            Happening::DeadLettered { place, .. } | Happening::Parked { place } => {
                let lane = keys.get(place).and_then(|key| open.get_mut(&(&place.scope, *key)));
                if let Some(lane) = lane {
                    lane.remove(&place.position);
                }
            }
            Happening::HandlerStarted(start) => {
                let Some(key) = start.event.key.as_ref() else { continue };
                let head = open.get(&(&start.place.scope, key)).and_then(|lane| lane.keys().next());
                if head.is_some_and(|head| *head < start.place.position) {
                    findings.add(index, || format!("{start} started before the redriven event ahead of it"));
                }
            }
            _ => {}
        }
    }
    for ((scope, key), lane) in open {
        for (position, way) in lane {
            if way == Way::Failed {
                let Scope { group, .. } = scope;
                findings.add(history.len(), || {
                    format!("{position} of {key} failed again for group {group}, and is no dead letter")
                });
            }
        }
    }
    findings.done()
}

/// The aggregates of what was buried or started.
fn keys(history: &History) -> HashMap<&Place, &AggregateKey> {
    let mut keys = HashMap::new();
    for (_, _, what) in history.iter() {
        match what {
            Happening::DeadLettered { place, key: Some(key), .. } => {
                keys.insert(place, key);
            }
            Happening::HandlerStarted(start) => {
                keys.extend(start.event.key.as_ref().map(|key| (&start.place, key)))
            }
            _ => {}
        }
    }
    keys
}

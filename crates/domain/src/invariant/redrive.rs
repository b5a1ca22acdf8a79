//! I15: a redrive is once in effect, its followers come after their head, and a second failure returns.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::terms::{MemberId, Outcome};
use super::track::{Runs, Tenures};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::parking::Scope;
use crate::position::Position;
use crate::time::Monotonic;

/// How far a redriven entry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It is in its lane.
    Waiting,
    /// It failed in this tenure of a member, and is in its lane or on its way to the store.
    Failed(MemberId, u32),
}

/// A member, and which of its tenures of a partition.
type Hands = (MemberId, u32);

type Lane<'h> = (&'h Scope, &'h AggregateKey);

/// Follows each redriven entry until it is handled, or is back among the dead letters or the parked. One that its owner
/// takes out as handled was handled, and no owner handles it again. What an owner leaves behind is as it was in the store.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut redrives = Redrives {
        keys: keys(history),
        parked: HashSet::new(),
        alone: HashSet::new(),
        runs: Runs::default(),
        tenures: Tenures::default(),
        open: HashMap::new(),
        handled: HashMap::new(),
        left: HashSet::new(),
        limits,
    };
    let mut findings = Findings::of(Invariant::I15);
    for (index, at, what) in history.iter() {
        redrives.observe(index, at, what, &mut findings);
    }
    redrives.end(history.len(), &mut findings);
    findings.done()
}

struct Redrives<'h> {
    keys: HashMap<&'h Place, &'h AggregateKey>,
    /// What closes its aggregate.
    parked: HashSet<&'h Place>,
    /// What was buried without its aggregate, and comes back without it.
    alone: HashSet<&'h Place>,
    runs: Runs<'h>,
    tenures: Tenures<'h>,
    open: HashMap<Lane<'h>, BTreeMap<Position, Way>>,
    /// In whose hands each was handled last.
    handled: HashMap<&'h Place, Hands>,
    /// What left as handled.
    left: HashSet<&'h Place>,
    limits: &'h Limits,
}

impl<'h> Redrives<'h> {
    fn observe(&mut self, index: usize, at: Monotonic, what: &'h Happening, findings: &mut Findings) {
        self.tenures.observe(at, what);
        for (start, outcome) in self.runs.observe(what) {
            self.ended(start, outcome);
        }
        match what {
            Happening::Redriven { place } => {
                // Who has handled it and reads it once more has not written yet that it leaves.
                let known = self.keys.get(place).filter(|_| !self.is_in_hand(place));
                if let Some(key) = known {
                    self.open.entry((&place.scope, key)).or_default().insert(place.position, Way::Waiting);
                }
            }
            Happening::DeadLettered { place, parks: true, .. } | Happening::Parked { place, .. } => {
                self.parked.insert(place);
                self.alone.remove(place);
                self.close(place);
            }
            // Buried beside its aggregate it closes no lane any more. A burial names no claim, so one by a member that is
            // late makes a letter of what has left, and that one can be redriven like any other.
            Happening::DeadLettered { place, key, .. } => {
                if key.is_none() {
                    self.alone.insert(place);
                }
                self.parked.remove(place);
                self.left.remove(place);
                self.close(place);
            }
            Happening::Returned { place, .. } | Happening::Left { place, handled: false } => {
                self.close(place)
            }
            Happening::Left { place, handled: true } => {
                self.close(place);
                if self.parked.contains(place) {
                    self.left.insert(place);
                }
                if !self.handled.contains_key(place) {
                    findings.add(index, || format!("{place} left the store as handled, and was not"));
                }
            }
            Happening::HandlerStarted(start) => self.started(index, at, start, findings),
            _ => {}
        }
    }

    fn ended(&mut self, start: &'h Start, outcome: Outcome) {
        let tenure = self.tenures.of(start.member, &start.place.scope).map_or(0, |tenure| tenure.number);
        if outcome == Outcome::Done {
            self.handled.insert(&start.place, (start.member, tenure));
        }
        let Some(key) = start.event.key.as_ref() else { return };
        let Some(lane) = self.open.get_mut(&(&start.place.scope, key)) else { return };
        if outcome == Outcome::Done {
            lane.remove(&start.place.position);
        } else if let Some(way) = lane.get_mut(&start.place.position) {
            *way = Way::Failed(start.member, tenure);
        }
    }

    fn close(&mut self, place: &'h Place) {
        let Some(key) = self.keys.get(place) else { return };
        if let Some(lane) = self.open.get_mut(&(&place.scope, *key)) {
            lane.remove(&place.position);
        }
    }

    fn started(&self, index: usize, at: Monotonic, start: &'h Start, findings: &mut Findings) {
        if self.left.contains(&start.place) && self.is_owner(start, at) {
            findings.add(index, || format!("{start} started again after it had left the store as handled"));
        }
        let Some(key) = start.event.key.as_ref().filter(|_| !self.alone.contains(&start.place)) else {
            return;
        };
        let Some(lane) = self.open.get(&(&start.place.scope, key)) else { return };
        let place = |position: &Position| Place { scope: start.place.scope.clone(), position: *position };
        // One that closes no lane queues like a live event, behind whatever is there.
        let mut ahead = lane.range(..start.place.position).map(|(position, _)| place(position));
        if ahead.any(|place| self.parked.contains(&place)) {
            findings.add(index, || format!("{start} started before the redriven event ahead of it"));
        }
    }

    /// Whether a member, and nobody else, owns the partition, and has heard so.
    fn is_owner(&self, start: &Start, now: Monotonic) -> bool {
        let scope = &start.place.scope;
        let Some(tenure) = self.tenures.of(start.member, scope) else { return false };
        let heard = tenure.clean || now > tenure.since + self.limits.reaction;
        heard && self.tenures.owners(scope) == [start.member] && !self.tenures.is_superseded(tenure, scope)
    }

    /// Whether the member that handled an entry still has the partition in the same tenure.
    fn is_in_hand(&self, place: &Place) -> bool {
        let Some((member, number)) = self.handled.get(place) else { return false };
        let tenure = self.tenures.of(*member, &place.scope);
        tenure.is_some_and(|tenure| tenure.number == *number && tenure.end.is_none())
    }

    fn end(&self, end: usize, findings: &mut Findings) {
        for ((scope, key), lane) in &self.open {
            for (position, way) in lane {
                let Way::Failed(member, number) = way else { continue };
                let tenure = self.tenures.of(*member, scope);
                // Whoever has the partition next finds the entry as it was.
                let lasts = tenure.is_none_or(|tenure| tenure.number == *number && tenure.end.is_none());
                if lasts {
                    let Scope { group, .. } = scope;
                    findings.add(end, || {
                        format!("{position} of {key} failed again for group {group}, and is no dead letter")
                    });
                }
            }
        }
    }
}

/// The aggregates of what was buried, parked or started.
fn keys(history: &History) -> HashMap<&Place, &AggregateKey> {
    let mut keys = HashMap::new();
    for (_, _, what) in history.iter() {
        match what {
            Happening::DeadLettered { place, key: Some(key), .. }
            | Happening::Parked { place, key: Some(key), .. } => {
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

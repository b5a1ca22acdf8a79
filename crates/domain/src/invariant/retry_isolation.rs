//! I6: while one event backs off, nothing later of its aggregate starts, and the others keep their rate.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::terms::{Load, MemberId, Outcome, RunId};
use super::track::{Gaps, Runs, Tenures};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::parking::Scope;
use crate::position::Position;
use crate::time::Monotonic;

type Lane<'h> = (MemberId, &'h Scope, &'h AggregateKey);

/// A run that did not end well backs off until its event starts again, is buried, parked or skipped by whoever owns it,
/// is reported as deleted, or the tenure that it began in ends. Rates are compared with the last undisturbed one.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut findings = Findings::of(Invariant::I6);
    backoffs(history, &mut findings);
    let beside = |load| load == Load::BesideRetries;
    rates(history, limits.kept_rate_percent, beside, &mut findings);
    findings.done()
}

/// Finds rates beside something that are too low; also for I20.
pub(super) fn rates(history: &History, percent: u64, beside: impl Fn(Load) -> bool, findings: &mut Findings) {
    let mut undisturbed = None;
    for (index, _, what) in history.iter() {
        let Happening::RateSampled { load, per_second } = what else { continue };
        if *load == Load::Undisturbed {
            undisturbed = Some(*per_second);
        }
        let Some(base) = undisturbed.filter(|_| beside(*load)) else { continue };
        if u128::from(*per_second) * 100 < u128::from(base) * u128::from(percent) {
            findings.add(index, || format!("the others kept {per_second} of {base} events per second"));
        }
    }
}

fn backoffs(history: &History, findings: &mut Findings) {
    let mut waiting = Waiting::default();
    for (index, at, what) in history.iter() {
        waiting.observe(at, what);
        if let Happening::HandlerStarted(start) = what {
            if let Some(head) = waiting.ahead_of(start) {
                findings.add(index, || format!("{start} started while {head} backed off"));
            }
            waiting.started(start);
        }
    }
}

/// What backs off at one point of a history.
#[derive(Default)]
struct Waiting<'h> {
    runs: Runs<'h>,
    tenures: Tenures<'h>,
    gaps: Gaps<'h>,
    /// The tenure that each open run began in.
    begun: HashMap<RunId, u32>,
    heads: HashMap<Lane<'h>, Backoff<'h>>,
    /// The lanes of each place: a ghost and the next owner may both fail with it.
    lanes: HashMap<&'h Place, HashSet<Lane<'h>>>,
    /// What closes its aggregate in the dead-letter store.
    parked: HashSet<&'h Place>,
    /// Entries that close no lane, and were handed out again: they may fail as they like, and stay where they are.
    loose: HashSet<&'h Place>,
}

struct Backoff<'h> {
    tenure: u32,
    start: &'h Start,
}

impl<'h> Waiting<'h> {
    fn observe(&mut self, at: Monotonic, what: &'h Happening) {
        self.tenures.observe(at, what);
        self.gaps.observe(what);
        for (start, outcome) in self.runs.observe(what) {
            self.ended(start, outcome);
        }
        match what {
            Happening::DeadLettered { place, parks: true, .. } | Happening::Parked { place, .. } => {
                self.parked.insert(place);
            }
            Happening::DeadLettered { place, .. } => {
                self.parked.remove(place);
            }
            Happening::Redriven { place } if !self.parked.contains(place) => {
                self.loose.insert(place);
            }
            _ => {}
        }
        match what {
            Happening::DeadLettered { place, .. }
            | Happening::Parked { place, .. }
            | Happening::Returned { place, .. }
            | Happening::Left { place, .. }
            | Happening::Skipped { place } => {
                for lane in self.lanes.remove(place).unwrap_or_default() {
                    self.settle(lane, place.position);
                }
            }
            Happening::GapReported { scope, .. } => {
                let gone = |place: &Place| place.scope == *scope && self.gaps.hold(scope, place.position);
                self.heads.retain(|_, head| !gone(&head.start.place));
            }
            _ => {}
        }
    }

    fn started(&mut self, start: &'h Start) {
        self.begun.insert(start.run, self.tenure(start));
        if let Some(lane) = lane(start) {
            self.settle(lane, start.place.position);
        }
    }

    fn ended(&mut self, start: &'h Start, outcome: Outcome) {
        let tenure = self.begun.remove(&start.run).unwrap_or_default();
        let Some(lane) = lane(start) else { return };
        if outcome == Outcome::Done || self.loose.contains(&start.place) {
            self.settle(lane, start.place.position);
        } else if tenure == self.tenure(start) && !self.gaps.hold(lane.1, start.place.position) {
            self.lanes.entry(&start.place).or_default().insert(lane);
            self.heads.insert(lane, Backoff { tenure, start });
        }
    }

    /// What backs off and comes before this event in its lane.
    fn ahead_of(&self, start: &'h Start) -> Option<&'h Start> {
        let head = self.heads.get(&lane(start)?).filter(|head| head.tenure == self.tenure(start))?;
        (head.start.place.position < start.place.position).then_some(head.start)
    }

    fn tenure(&self, start: &Start) -> u32 {
        self.tenures.of(start.member, &start.place.scope).map_or(0, |tenure| tenure.number)
    }

    fn settle(&mut self, lane: Lane<'h>, position: Position) {
        if self.heads.get(&lane).is_some_and(|head| head.start.place.position <= position) {
            self.heads.remove(&lane);
        }
    }
}

fn lane(start: &Start) -> Option<Lane<'_>> {
    Some((start.member, &start.place.scope, start.event.key.as_ref()?))
}

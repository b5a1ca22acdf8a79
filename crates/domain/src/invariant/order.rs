//! I4: an aggregate's next event starts only after the one before is terminal.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::terms::{MemberId, Outcome};
use super::track::{Aggregates, Audience, Gaps, Log, Runs, Settled, Shelf, Tenure, Tenures};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::dead_letter::AfterDeadLetter;
use crate::parking::Scope;
use crate::position::Position;
use crate::time::Monotonic;

/// Three rules. For the group: every earlier event of the aggregate is terminal, by whoever's hand, and none waits in
/// the dead-letter store. For each member: in
/// one tenure it goes forward, repeats only what did not end well, and passes an event only when that ended well under
/// its own eyes, or was deleted; a new tenure may go back, to the group's checkpoint at most.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let log = Log::of(history);
    let (mut aggregates, audience) = (Aggregates::of(&log), Audience::of(history));
    let (mut settled, mut tenures) = (Settled::new(limits), Tenures::default());
    let (mut lanes, mut shelf) = (Lanes::new(limits), Shelf::default());
    let mut findings = Findings::of(Invariant::I4);
    for (index, at, what) in history.iter() {
        tenures.observe(at, what);
        if let Happening::HandlerStarted(start) = what {
            let key = start.event.key.as_ref();
            let open = key.and_then(|key| aggregates.open_before(&start.place, key, &settled, &audience));
            if let Some(open) = open {
                findings.add(index, || format!("{start} started before position {open} was terminal"));
            } else if let Some(head) = shelf.ahead_of(start) {
                findings.add(index, || format!("{start} started while position {head} waits in the store"));
            } else if let Some(wrong) = lanes.start(start, at, &tenures) {
                findings.add(index, || format!("{start} {wrong}"));
            }
        }
        lanes.observe(what);
        shelf.observe(what);
        settled.observe(what);
    }
    findings.done()
}

/// How far each member has come with each aggregate.
struct Lanes<'h> {
    limits: &'h Limits,
    lanes: HashMap<(MemberId, &'h Scope, &'h AggregateKey), Lane>,
    runs: Runs<'h>,
    /// How often each event was buried, parked or skipped.
    closed: HashMap<&'h Place, u32>,
    redriven: HashSet<&'h Place>,
    /// Who failed with what: each of them may write its entry, and only its own ends its lane's tries.
    failed: HashMap<&'h Place, HashSet<MemberId>>,
    gaps: Gaps<'h>,
}

struct Lane {
    tenure: u32,
    last: Position,
    done: bool,
    /// How often the last one had been buried, parked or skipped when it started.
    closed: u32,
}

impl<'h> Lanes<'h> {
    fn new(limits: &'h Limits) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            runs: Runs::default(),
            closed: HashMap::new(),
            redriven: HashSet::new(),
            failed: HashMap::new(),
            gaps: Gaps::default(),
        }
    }

    fn observe(&mut self, what: &'h Happening) {
        match what {
            Happening::DeadLettered { parks: false, .. }
                if self.limits.after_dead_letter == AfterDeadLetter::Block => {}
            Happening::DeadLettered { place, .. }
            | Happening::Parked { place, .. }
            | Happening::Skipped { place } => {
                *self.closed.entry(place).or_default() += 1;
            }
            Happening::Redriven { place } => {
                self.redriven.insert(place);
            }
            Happening::GapReported { .. } => self.gaps.observe(what),
            _ => {}
        }
        for (ended, outcome) in self.runs.observe(what) {
            if outcome != Outcome::Done {
                self.failed.entry(&ended.place).or_default().insert(ended.member);
            }
            let lane = lane(ended).and_then(|lane| self.lanes.get_mut(&lane));
            if let Some(lane) = lane.filter(|lane| lane.last == ended.place.position) {
                lane.done |= outcome == Outcome::Done;
            }
        }
    }

    /// Takes a start; answers with what is wrong with it.
    fn start(&mut self, start: &'h Start, at: Monotonic, tenures: &Tenures<'_>) -> Option<&'static str> {
        if self.redriven.contains(&start.place) {
            return None;
        }
        let key = lane(start)?;
        let tenure = tenures.of(start.member, &start.place.scope);
        let next = start.place.position;
        if tenure.is_some_and(|tenure| next.value() < tenure.resume && !self.is_fresh(tenure, at)) {
            return Some("started below the checkpoint that its tenure began with");
        }
        let (number, before) = (tenure.map_or(0, |tenure| tenure.number), self.lanes.get(&key));
        let wrong = before.and_then(|lane| (lane.tenure == number).then(|| self.objection(lane, start))?);
        // What was lost without a word may still start what was queued for the tenure before, all of it, also where nothing of
        // the lane had started; a step back is a later tenure's.
        let tenure = if tenure.is_some_and(|tenure| self.is_fresh(tenure, at)) {
            let earliest = before.map_or(0, |lane| lane.tenure + u32::from(next < lane.last));
            earliest.clamp(number - 1, number)
        } else {
            number
        };
        self.lanes.insert(key, Lane { tenure, last: next, done: false, closed: self.closed(&start.place) });
        wrong
    }

    fn objection(&self, lane: &Lane, start: &Start) -> Option<&'static str> {
        let last = Place { scope: start.place.scope.clone(), position: lane.last };
        let ended_well = lane.done || self.closed(&last) > lane.closed;
        let gone = self.gaps.hold(&last.scope, last.position);
        match start.place.position.cmp(&lane.last) {
            std::cmp::Ordering::Less => Some("started behind a later one in the same tenure"),
            std::cmp::Ordering::Equal => {
                let others = self.failed.get(&last).is_some_and(|who| who.iter().any(|m| *m != start.member));
                (lane.done || ended_well && !others)
                    .then_some("started again in the tenure that had finished it")
            }
            std::cmp::Ordering::Greater => {
                (!ended_well && !gone).then_some("started before the one that ran last was terminal")
            }
        }
    }

    fn closed(&self, place: &Place) -> u32 {
        self.closed.get(place).copied().unwrap_or(0)
    }

    /// Whether a worker may not have heard yet that its old tenure is over.
    fn is_fresh(&self, tenure: &Tenure, now: Monotonic) -> bool {
        !tenure.clean && now <= tenure.since + self.limits.reaction
    }
}

fn lane(start: &Start) -> Option<(MemberId, &Scope, &AggregateKey)> {
    Some((start.member, &start.place.scope, start.event.key.as_ref()?))
}

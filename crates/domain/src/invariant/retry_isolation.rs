//! I6: while one event backs off, nothing later of its aggregate starts, and the others keep their rate.

use std::collections::HashMap;

use super::happening::{Happening, Load, MemberId, Outcome};
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::track::{Runs, Tenures};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::parking::Scope;
use crate::position::Position;

type Lane<'h> = (MemberId, &'h Scope, &'h AggregateKey);

/// A run that did not end well backs off until its event starts again, is buried, parked or skipped, or its member's
/// tenure ends. Rates are compared with the last undisturbed one.
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

struct Backoff<'h> {
    tenure: u32,
    start: &'h Start,
}

fn backoffs(history: &History, findings: &mut Findings) {
    let (mut runs, mut tenures) = (Runs::default(), Tenures::default());
    let mut waiting: HashMap<Lane<'_>, Backoff<'_>> = HashMap::new();
    let mut members: HashMap<&Place, Lane<'_>> = HashMap::new();
    for (index, at, what) in history.iter() {
        tenures.observe(at, what);
        let tenure = |start: &Start| tenures.of(start.member, &start.place.scope).map_or(0, |t| t.number);
        for (ended, outcome) in runs.observe(what) {
            let Some(lane) = lane(ended) else { continue };
            if outcome == Outcome::Done {
                settle(&mut waiting, lane, ended.place.position);
            } else {
                members.insert(&ended.place, lane);
                waiting.insert(lane, Backoff { tenure: tenure(ended), start: ended });
            }
        }
        match what {
            Happening::HandlerStarted(start) => {
                let Some(lane) = lane(start) else { continue };
                let head = waiting.get(&lane).filter(|head| head.tenure == tenure(start));
                if let Some(head) = head.filter(|head| start.place.position > head.start.place.position) {
                    findings.add(index, || format!("{start} started while {} backed off", head.start));
                }
                settle(&mut waiting, lane, start.place.position);
            }
            Happening::DeadLettered { place, .. }
            | Happening::Parked { place }
            | Happening::Skipped { place } => {
                if let Some(lane) = members.remove(place) {
                    settle(&mut waiting, lane, place.position);
                }
            }
            _ => {}
        }
    }
}

fn settle<'h>(waiting: &mut HashMap<Lane<'h>, Backoff<'h>>, lane: Lane<'h>, position: Position) {
    if waiting.get(&lane).is_some_and(|head| head.start.place.position <= position) {
        waiting.remove(&lane);
    }
}

fn lane(start: &Start) -> Option<Lane<'_>> {
    Some((start.member, &start.place.scope, start.event.key.as_ref()?))
}

//! I17: dropping a future leaves no open transaction, no half-settled event, no lost permit.

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::terms::Outcome;
use super::track::{Runs, Settled, Tenures};
use super::violation::{Findings, Violation};
use crate::dead_letter::AfterDeadLetter;

/// An event whose run was dropped is terminal by the end, unless nobody owns its partition then.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let (mut runs, mut settled) = (Runs::default(), Settled::new(limits));
    let mut tenures = Tenures::default();
    let (mut dropped, mut findings) = (Vec::new(), Findings::of(Invariant::I17));
    let blocks = limits.after_dead_letter == AfterDeadLetter::Block;
    for (index, at, what) in history.iter() {
        settled.observe(what);
        tenures.observe(at, what);
        let ended = runs.observe(what).into_iter().filter(|(_, outcome)| *outcome == Outcome::Dropped);
        dropped.extend(ended.map(|(start, _)| (index, start)));
        match what {
            Happening::TransactionLeftOpen { about } => {
                findings.add(index, || format!("a transaction is open: {about}"));
            }
            Happening::PermitLost { about } => findings.add(index, || format!("a permit is lost: {about}")),
            Happening::DeadLettered { place, .. } if blocks => {
                dropped.retain(|(_, start)| start.place != *place);
            }
            _ => {}
        }
    }
    for (index, start) in dropped {
        let half = !settled.holds(&start.place.scope, start.place.position);
        if half && !tenures.owners(&start.place.scope).is_empty() {
            findings.add(index, || format!("{start} was dropped, and is neither handled nor buried"));
        }
    }
    findings.done()
}

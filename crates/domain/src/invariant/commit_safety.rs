//! I7: every position below a committed one is terminal, at every instant.

use std::collections::HashMap;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::track::{Audience, Log, Settled};
use super::violation::{Findings, Violation};
use crate::parking::Scope;

/// Judged when a commit is sent, not when it is stored: a crash between the two may keep it.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let (log, audience) = (Log::of(history), Audience::of(history));
    let mut settled = Settled::new(limits);
    let mut frontiers: HashMap<&Scope, usize> = HashMap::new();
    let mut findings = Findings::of(Invariant::I7);
    for (index, _, what) in history.iter() {
        settled.observe(what);
        let Happening::Committed { scope, resume, .. } = what else { continue };
        let entries = log.entries(scope);
        let frontier = frontiers.entry(scope).or_insert(0);
        // What is terminal stays so: all commits of a partition together walk its log once.
        while entries.get(*frontier).is_some_and(|entry| {
            resume.is_past(entry.position)
                && (settled.holds(scope, entry.position) || audience.is_before(scope, entry.position))
        }) {
            *frontier += 1;
        }
        if let Some(open) = entries.get(*frontier).filter(|entry| resume.is_past(entry.position)) {
            findings.add(index, || {
                let Scope { group, topic, partition } = scope;
                let event = open.id.map_or_else(|| "an event".to_owned(), |id| format!("event {id}"));
                format!(
                    "group {group} committed {resume:?} in {topic}/{partition}, past {event} at {} which is not terminal",
                    open.position
                )
            });
        }
    }
    findings.done()
}

//! I23: events that a broker deleted before they were read are reported.

use std::collections::HashMap;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::track::{Audience, Log, Settled};
use super::violation::{Findings, Violation};
use crate::parking::Scope;
use crate::position::{PartitionNumber, Resume};
use crate::topic::TopicName;

/// Judged at the end: what was deleted is terminal for every group, by a run or by a report.
///
/// A report that covers what was read all the same is wrong as well: it must not hide an event that the broker has.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let (log, audience) = (Log::of(history), Audience::of(history));
    let mut settled = Settled::new(limits);
    let mut deleted: HashMap<(&TopicName, PartitionNumber), (usize, Resume)> = HashMap::new();
    let mut findings = Findings::of(Invariant::I23);
    for (index, _, what) in history.iter() {
        settled.observe(what);
        if let Happening::Deleted { topic, partition, upto } = what {
            let known = deleted.entry((topic, *partition)).or_insert((index, *upto));
            if known.1.rank() < upto.rank() {
                *known = (index, *upto);
            }
        }
        if let Happening::GapReported { scope, to, .. } = what {
            overstated(index, scope, *to, &deleted, &mut findings);
        }
    }
    for ((topic, number), (index, upto)) in deleted {
        for group in audience.groups(topic) {
            let scope = Scope { group: group.clone(), topic: topic.clone(), partition: number };
            let open = |position| !settled.holds(&scope, position) && !audience.is_before(&scope, position);
            let gone = log.partition(topic, number).iter().take_while(|entry| upto.is_past(entry.position));
            for entry in gone.filter(|entry| open(entry.position)) {
                let position = entry.position;
                findings.add(index, || {
                    format!("{topic}/{number}@{position} was deleted, and group {group} was told nothing")
                });
            }
        }
    }
    findings.done()
}

/// Judged only where deletions are recorded.
fn overstated(
    index: usize,
    scope: &Scope,
    to: Resume,
    deleted: &HashMap<(&TopicName, PartitionNumber), (usize, Resume)>,
    findings: &mut Findings,
) {
    let known = deleted.get(&(&scope.topic, scope.partition));
    if let Some((_, upto)) = known.filter(|(_, upto)| to.rank() > upto.rank()) {
        findings.add(index, || format!("a gap up to {to:?} was reported, and only {upto:?} is gone"));
    }
}

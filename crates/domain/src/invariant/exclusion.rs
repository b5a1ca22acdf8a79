//! I3: two runs of one aggregate never overlap in one bus.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::Start;
use super::terms::{MemberId, RunId};
use super::track::Runs;
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::identity::GroupId;
use crate::topic::TopicName;

type Lane<'h> = (MemberId, &'h GroupId, &'h AggregateKey);
type Seat<'h> = (MemberId, &'h GroupId, &'h TopicName);

/// Looks at keyed events only: those without an aggregate are handled in no order.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let mut findings = Findings::of(Invariant::I3);
    runs(history, &mut findings);
    subscriptions(history, &mut findings);
    findings.done()
}

fn runs(history: &History, findings: &mut Findings) {
    let mut runs = Runs::default();
    let mut busy: HashMap<Lane<'_>, (RunId, &Start)> = HashMap::new();
    for (index, _, what) in history.iter() {
        for (ended, _) in runs.observe(what) {
            if let Some(lane) =
                lane(ended).filter(|lane| busy.get(lane).is_some_and(|(run, _)| *run == ended.run))
            {
                busy.remove(&lane);
            }
        }
        let Happening::HandlerStarted(start) = what else { continue };
        let Some(lane) = lane(start) else { continue };
        if let Some((_, other)) = busy.insert(lane, (start.run, start)) {
            findings.add(index, || format!("{start} started while {other} ran in the same bus"));
        }
    }
}

fn lane(start: &Start) -> Option<Lane<'_>> {
    Some((start.member, &start.place.scope.group, start.event.key.as_ref()?))
}

fn subscriptions(history: &History, findings: &mut Findings) {
    let mut taken: HashSet<Seat<'_>> = HashSet::new();
    for (index, _, what) in history.iter() {
        match what {
            Happening::Subscribed { member, group, topics } => {
                for topic in topics {
                    if !taken.insert((*member, group, topic)) {
                        findings
                            .add(index, || format!("group {group} subscribed to {topic} twice in one bus"));
                    }
                }
            }
            Happening::SessionEnded { member, group, topics } => {
                for topic in topics {
                    taken.remove(&(*member, group, topic));
                }
            }
            Happening::Crashed { member } => taken.retain(|seat| seat.0 != *member),
            _ => {}
        }
    }
}

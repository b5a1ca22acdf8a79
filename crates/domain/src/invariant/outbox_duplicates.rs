//! I13: no duplicates without a fault, at most one batch per crash of a relay.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};

/// Looks at events of the outbox. An answer that never came excuses one duplicate of its event.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let ours: HashSet<_> = history.iter().filter_map(|(_, _, what)| committed(what)).collect();
    let mut copies: HashMap<_, u64> = HashMap::new();
    let mut excused: HashMap<_, u64> = HashMap::new();
    let mut allowed = 0_usize;
    let mut findings = Findings::of(Invariant::I13);
    for (index, _, what) in history.iter() {
        match what {
            Happening::RelayCrashed => allowed += limits.outbox_batch,
            Happening::PublishUnknown { event } => *excused.entry(event.id).or_default() += 1,
            Happening::Published { event, .. } if event.id.is_some_and(|id| ours.contains(&id)) => {
                let copies = copies.entry(event.id).or_default();
                *copies += 1;
                if *copies == 1 {
                    continue;
                }
                if let Some(unanswered) = excused.get_mut(&event.id).filter(|left| **left > 0) {
                    *unanswered -= 1;
                } else if allowed > 0 {
                    allowed -= 1;
                } else {
                    findings.add(index, || format!("{event} was published again without a fault"));
                }
            }
            _ => {}
        }
    }
    findings.done()
}

fn committed(what: &Happening) -> Option<crate::identity::EventId> {
    match what {
        Happening::OutboxCommitted { id, .. } => Some(*id),
        _ => None,
    }
}

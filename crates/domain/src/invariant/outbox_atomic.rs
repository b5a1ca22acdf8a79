//! I11: committed is published at least once, rolled back never.

use std::collections::HashMap;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};

/// Judged at the end of the history. An event whose publish got no answer may be stored: for one that was rolled back,
/// that is too much already.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let (mut acknowledged, mut tried) = (HashMap::new(), HashMap::new());
    for (index, _, what) in history.iter() {
        match what {
            Happening::Published { event, .. } => {
                acknowledged.extend(event.id.map(|id| (id, index)));
                tried.extend(event.id.map(|id| (id, index)));
            }
            Happening::PublishUnknown { event } => tried.extend(event.id.map(|id| (id, index))),
            _ => {}
        }
    }
    let mut findings = Findings::of(Invariant::I11);
    for (index, _, what) in history.iter() {
        match what {
            Happening::OutboxCommitted { id, key, .. } if !acknowledged.contains_key(id) => {
                findings.add(index, || format!("event {id} of {key} was committed and never published"));
            }
            Happening::OutboxRolledBack { id } => {
                if let Some(at) = tried.get(id) {
                    findings.add(*at, || format!("event {id} was rolled back and published"));
                }
            }
            _ => {}
        }
    }
    findings.done()
}

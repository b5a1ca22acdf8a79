//! I14: a poison row stops only its aggregate, and the lag recovers after a fault.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};
use crate::publisher::PublishFault;
use crate::time::Monotonic;

/// A row is due [`Limits::outbox_lag`] after its commit, or after the last fault before it was published. A row that
/// the publisher rejects is poison: its aggregate is left out.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut published = HashMap::new();
    let (mut poison, mut faults) = (HashSet::new(), Vec::new());
    for (_, at, what) in history.iter() {
        match what {
            Happening::Published { event, .. } => {
                published.entry(event.id).or_insert(at);
            }
            Happening::PublishRefused { event, fault: PublishFault::Rejected } => {
                poison.extend(event.key.as_ref())
            }
            Happening::ConnectionDown { .. } | Happening::ConnectionUp { .. } | Happening::RelayCrashed => {
                faults.push(at);
            }
            _ => {}
        }
    }
    let mut findings = Findings::of(Invariant::I14);
    for (index, at, what) in history.iter() {
        let Happening::OutboxCommitted { id, key, .. } = what else { continue };
        let done = published.get(&Some(*id)).copied();
        let until = done.unwrap_or(history.end());
        let due = last_before(&faults, until).max(at) + limits.outbox_lag;
        if until > due && !poison.contains(key) {
            findings
                .add(index, || format!("event {id} of {key} waited for longer than {:?}", limits.outbox_lag));
        }
    }
    findings.done()
}

fn last_before(faults: &[Monotonic], until: Monotonic) -> Monotonic {
    let behind = faults.partition_point(|fault| *fault <= until);
    behind.checked_sub(1).map_or(Monotonic::ZERO, |last| faults[last])
}

//! I22: ok after acknowledgement; a timeout is unknown, not failed.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};
use crate::publisher::PublishFault;

/// What a publisher called not stored is never seen, unless the event was also published otherwise; what it called
/// stored stands alone where it said.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let (mut maybe, mut refused) = (HashSet::new(), HashMap::new());
    let mut places = HashMap::new();
    let mut findings = Findings::of(Invariant::I22);
    for (index, _, what) in history.iter() {
        match what {
            Happening::Published { event, partition, position } => {
                maybe.insert((&event.topic, event.id));
                let Some(position) = position else { continue };
                let other = places.insert((&event.topic, partition, position), event);
                if let Some(other) = other.filter(|other| other.id != event.id) {
                    findings.add(index, || {
                        format!("{event} was acknowledged at {position}, where {other} stands")
                    });
                }
            }
            Happening::PublishUnknown { event } => {
                maybe.insert((&event.topic, event.id));
            }
            Happening::PublishRefused { event, fault: PublishFault::Unknown } => {
                findings.add(index, || format!("{event} was refused with an unknown outcome"));
            }
            Happening::PublishRefused { event, .. } => {
                refused.entry((&event.topic, event.id)).or_insert(index);
            }
            _ => {}
        }
    }
    for (index, _, what) in history.iter() {
        let Happening::HandlerStarted(start) = what else { continue };
        let event = (&start.event.topic, start.event.id);
        if let Some(at) = refused.get(&event).filter(|_| !maybe.contains(&event)) {
            findings
                .add(index, || format!("{start} was handled, and publish #{at} had called it not stored"));
        }
    }
    findings.done()
}

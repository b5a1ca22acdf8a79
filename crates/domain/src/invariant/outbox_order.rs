//! I12: first appearances per aggregate come in version order.

use std::collections::HashMap;

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::identity::{AggregateVersion, EventId};
use crate::position::Position;

/// Where an event appeared first: its position where the broker told it, else the index of the acknowledgement.
type Appearance = (u64, usize);

/// Looks at events of the outbox that were published.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let mut first: HashMap<EventId, Appearance> = HashMap::new();
    let mut rows: HashMap<&AggregateKey, Vec<(AggregateVersion, EventId)>> = HashMap::new();
    for (index, _, what) in history.iter() {
        match what {
            Happening::Published { event, position, .. } => {
                let Some(id) = event.id else { continue };
                let here = (position.map_or(index as u64, Position::value), index);
                first.entry(id).and_modify(|known| *known = here.min(*known)).or_insert(here);
            }
            Happening::OutboxCommitted { id, key, version } => {
                rows.entry(key).or_default().push((*version, *id))
            }
            _ => {}
        }
    }
    let mut findings = Findings::of(Invariant::I12);
    for (key, mut rows) in rows {
        rows.sort_unstable();
        let seen: Vec<_> = rows.iter().filter_map(|(version, id)| Some((version, first.get(id)?))).collect();
        for pair in seen.windows(2).filter(|pair| pair[0].1 > pair[1].1) {
            let ((earlier, _), (later, at)) = (pair[0], pair[1]);
            findings.add(at.1, || format!("version {later} of {key} appeared before version {earlier}"));
        }
    }
    findings.done()
}

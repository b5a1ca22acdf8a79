//! The events of each aggregate, and how far each group has come with them.

use std::collections::HashMap;

use super::audience::Audience;
use super::log::Log;
use super::settled::Settled;
use crate::aggregate::AggregateKey;
use crate::invariant::place::Place;
use crate::parking::Scope;
use crate::position::{PartitionNumber, Position};
use crate::topic::TopicName;

type Row<'h> = (&'h TopicName, PartitionNumber, &'h AggregateKey);

/// The positions of each aggregate in each partition, and per group the first of them that is not terminal.
pub(in crate::invariant) struct Aggregates<'h> {
    rows: HashMap<Row<'h>, Vec<Position>>,
    frontiers: HashMap<(&'h Scope, &'h AggregateKey), usize>,
}

impl<'h> Aggregates<'h> {
    pub(in crate::invariant) fn of(log: &Log<'h>) -> Self {
        let mut rows: HashMap<_, Vec<_>> = HashMap::new();
        for (topic, number, entries) in log.partitions() {
            for entry in entries {
                if let Some(key) = entry.key {
                    rows.entry((topic, number, key)).or_default().push(entry.position);
                }
            }
        }
        Self { rows, frontiers: HashMap::new() }
    }

    /// The first event of the aggregate that is not terminal for the group, if it lies before `place`.
    pub(in crate::invariant) fn open_before(
        &mut self,
        place: &'h Place,
        key: &'h AggregateKey,
        settled: &Settled<'h>,
        audience: &Audience<'h>,
    ) -> Option<Position> {
        let scope = &place.scope;
        let positions = self.rows.get(&(&scope.topic, scope.partition, key))?;
        let frontier = self.frontiers.entry((scope, key)).or_insert(0);
        // What is terminal stays so: the frontier never goes back, and all calls together walk the row once.
        while positions.get(*frontier).is_some_and(|&position| {
            position < place.position
                && (settled.holds(scope, position) || audience.is_before(scope, position))
        }) {
            *frontier += 1;
        }
        positions.get(*frontier).copied().filter(|&position| position < place.position)
    }
}

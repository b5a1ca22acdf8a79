//! What the partitions hold.

use std::collections::HashMap;

use crate::aggregate::AggregateKey;
use crate::identity::EventId;
use crate::invariant::happening::Happening;
use crate::invariant::history::History;
use crate::parking::Scope;
use crate::position::{PartitionNumber, Position};
use crate::topic::TopicName;

/// Every position that a history knows of, whoever saw it and whenever: positions rise, so what lies below another
/// was there before it.
pub(in crate::invariant) struct Log<'h> {
    partitions: HashMap<(&'h TopicName, PartitionNumber), Vec<Entry<'h>>>,
}

/// A position and what stands there.
#[derive(Debug, Clone, Copy)]
pub(in crate::invariant) struct Entry<'h> {
    pub(in crate::invariant) position: Position,
    pub(in crate::invariant) id: Option<EventId>,
    pub(in crate::invariant) key: Option<&'h AggregateKey>,
    /// The index at which it was first seen.
    pub(in crate::invariant) seen: usize,
    /// Whether its publish was acknowledged.
    pub(in crate::invariant) acknowledged: bool,
}

impl<'h> Log<'h> {
    pub(in crate::invariant) fn of(history: &'h History) -> Self {
        let mut log = Self { partitions: HashMap::new() };
        for (index, _, what) in history.iter() {
            log.observe(index, what);
        }
        for entries in log.partitions.values_mut() {
            entries.sort_by_key(|entry| (entry.position, entry.seen));
            entries.dedup_by(|later, kept| {
                let same = later.position == kept.position;
                if same {
                    kept.id = kept.id.or(later.id);
                    kept.key = kept.key.or(later.key);
                    kept.acknowledged |= later.acknowledged;
                }
                same
            });
        }
        log
    }

    fn observe(&mut self, seen: usize, what: &'h Happening) {
        let none = Entry { position: Position::new(0), id: None, key: None, seen, acknowledged: false };
        let (topic, partition, entry) = match what {
            Happening::Published { event, partition, position: Some(position) } => {
                let (id, key) = (event.id, event.key.as_ref());
                (&event.topic, *partition, Entry { position: *position, id, key, acknowledged: true, ..none })
            }
            Happening::HandlerStarted(start) => {
                let (id, key) = (start.event.id, start.event.key.as_ref());
                let (scope, position) = (&start.place.scope, start.place.position);
                (&scope.topic, scope.partition, Entry { position, id, key, ..none })
            }
            Happening::Fetched { place, .. } => {
                (&place.scope.topic, place.scope.partition, Entry { position: place.position, ..none })
            }
            _ => return,
        };
        self.partitions.entry((topic, partition)).or_default().push(entry);
    }

    /// The known positions of a partition, rising.
    pub(in crate::invariant) fn entries(&self, scope: &'h Scope) -> &[Entry<'h>] {
        self.partition(&scope.topic, scope.partition)
    }

    /// The known positions of a partition, rising.
    pub(in crate::invariant) fn partition(
        &self,
        topic: &'h TopicName,
        number: PartitionNumber,
    ) -> &[Entry<'h>] {
        self.partitions.get(&(topic, number)).map_or(&[], Vec::as_slice)
    }

    /// All partitions.
    pub(in crate::invariant) fn partitions(
        &self,
    ) -> impl Iterator<Item = (&'h TopicName, PartitionNumber, &[Entry<'h>])> {
        self.partitions.iter().map(|(&(topic, number), entries)| (topic, number, entries.as_slice()))
    }
}

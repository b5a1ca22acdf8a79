//! Step three: what the broker delivered is opened in the ledger and handed to the workers that own its lanes.

use std::hash::{BuildHasher, Hash, Hasher};
use std::num::NonZeroU64;

use compact_str::CompactString;
use laneway_domain::invariant::RecoveryMode;
use laneway_domain::{
    AggregateId, AggregateKey, Batch, Body, PartitionNumber, Received, TenantId, TopicName,
};

use super::r#loop::Loop;
use super::message::Command;
use super::run::{ByEntry, Entry, KeyRef, Run, key_of};
use super::shared::Shared;
use crate::ledger::{Opening, Tenure};
use crate::route::{OrderingMode, Routable, Routed};
use crate::sabotage::{Bug, is_planted};

/// Where an event goes: the hash of its lane's key, and the key where the event does not name it itself.
struct Direction {
    hash: Option<NonZeroU64>,
    key: Option<AggregateKey>,
}

impl Direction {
    /// The key of the lane.
    fn key(&self, topic: &TopicName, received: &Received) -> Option<AggregateKey> {
        let named = || match &received.body {
            Body::Event(envelope) if self.hash.is_some() => key_of(topic, envelope)?.to_owned(),
            _ => None,
        };
        self.key.clone().or_else(named)
    }
}

impl Loop {
    /// Opens a batch and hands it out. What a former owner finished is not handed out again.
    pub(super) fn deliver(&mut self, batch: &Batch) {
        let Some(tenure) = self.ledger.tenure(batch.partition, batch.epoch) else { return };
        if self.drains.covers(tenure) {
            // What queued is forgotten: a later event must not be parked without it.
            return;
        }
        let (Some(info), workers) = (self.ledger.info(tenure).cloned(), self.crew.len()) else { return };
        let Some(book) = self.ledger.book(tenure) else { return };
        let marks = self.lots.look(tenure).filter(|lot| !lot.marks.are_none());
        let mut shares = Shares::new(workers, tenure, &info.topic, info.number, batch);
        shares.unordered = self.shared.is_unordered_for_now();
        let (from, mut events, mut bytes) = (book.read(), 0, 0);
        for (row, received) in (0..).zip(batch.rows.as_slice()) {
            let Opening::Fresh(slot, attempts) = book.open(received.position) else { continue };
            let direction = self.shared.direct(&info.topic, info.number, received);
            if let Some(lot) = marks
                && self
                    .shared
                    .key_in_store(&direction, &info.topic, received)
                    .is_some_and(|key| lot.marks.has(&key, received.position))
            {
                book.settle(slot);
                continue;
            }
            let worker = match direction.hash {
                Some(hash) => self.crew.of(hash),
                None => usize::try_from(received.position.value() % workers as u64).unwrap_or(0),
            };
            let size = u32::try_from(received.body.size()).unwrap_or(u32::MAX);
            let entry = Entry { row, slot, hash: direction.hash, bytes: size };
            shares.add(worker, entry, direction.key, attempts);
            events += 1;
            bytes += size as usize;
        }
        for (worker, mut run) in shares.into_runs() {
            if is_planted(Bug::BatchReorders) && run.keys.is_empty() && run.attempts.is_empty() {
                run.entries.reverse();
            }
            self.crew.send(worker, Command::Run(Box::new(run)));
        }
        self.opened_on_trial(tenure, from, batch.pending);
        self.credit.opened(batch.partition, events, bytes);
        let skipped = batch.rows.len() - events;
        if skipped > 0 {
            self.changed(0);
        }
        self.change_flow(batch.partition);
    }
}

/// A batch, spread over the workers.
struct Shares<'a> {
    runs: Vec<Option<Run>>,
    tenure: Tenure,
    topic: &'a TopicName,
    number: PartitionNumber,
    batch: &'a Batch,
    unordered: bool,
}

impl<'a> Shares<'a> {
    fn new(
        workers: usize,
        tenure: Tenure,
        topic: &'a TopicName,
        number: PartitionNumber,
        batch: &'a Batch,
    ) -> Self {
        let runs = (0..workers).map(|_| None).collect();
        Self { runs, tenure, topic, number, batch, unordered: false }
    }

    #[inline]
    fn add(&mut self, worker: usize, entry: Entry, key: Option<AggregateKey>, attempts: u32) {
        let workers = self.runs.len();
        let share = &mut self.runs[worker];
        let run = share.get_or_insert_with(|| Run {
            tenure: self.tenure,
            topic: self.topic.clone(),
            number: self.number,
            rows: self.batch.rows.clone(),
            entries: Vec::with_capacity(self.batch.rows.len() / workers + 1),
            keys: ByEntry::default(),
            attempts: ByEntry::default(),
            due: ByEntry::default(),
            unordered: self.unordered,
        });
        if key.is_some() || attempts > 0 {
            let at = u32::try_from(run.entries.len()).unwrap_or(u32::MAX);
            key.into_iter().for_each(|key| drop(run.keys.insert(at, key)));
            run.attempts.insert(at, attempts);
        }
        run.entries.push(entry);
    }

    fn into_runs(self) -> impl Iterator<Item = (usize, Run)> {
        self.runs.into_iter().enumerate().filter_map(|(worker, run)| Some((worker, run?)))
    }
}

impl Shared {
    /// Where an event goes.
    #[inline]
    fn direct(&self, topic: &TopicName, number: PartitionNumber, received: &Received) -> Direction {
        if self.ordering != OrderingMode::PerAggregate && !self.is_by_aggregate() {
            return self.of_partition(topic, number);
        }
        if is_planted(Bug::RecoverySwitchReorders) && self.gauges.mode() != RecoveryMode::Normal {
            return Direction { hash: None, key: None };
        }
        self.by_aggregate(topic, received)
    }

    #[inline]
    fn by_aggregate(&self, topic: &TopicName, received: &Received) -> Direction {
        if self.router.is_default()
            && let Body::Event(envelope) = &received.body
            && let Some(key) = key_of(topic, envelope)
        {
            return Direction { hash: Some(self.hash(key)), key: None };
        }
        self.ask(topic, &received.body)
    }

    /// Whether events go to the worker of their aggregate though order is not kept always: while it is, and, so that they
    /// meet what the dead-letter store has of their aggregate, in normal times too.
    fn is_by_aggregate(&self) -> bool {
        let mode = self.ordering == OrderingMode::OrderedWhileRecovering;
        mode && (self.parks || self.gauges.mode() != RecoveryMode::Normal)
    }

    /// Whether events run apart from the lanes of their aggregates until the subscription recovers.
    fn is_unordered_for_now(&self) -> bool {
        self.ordering == OrderingMode::OrderedWhileRecovering && self.gauges.mode() == RecoveryMode::Normal
    }

    /// The key that an event would have in the dead-letter store; where nothing is in order, the one that it had there when
    /// aggregates were.
    #[cold]
    fn key_in_store(
        &self,
        direction: &Direction,
        topic: &TopicName,
        received: &Received,
    ) -> Option<AggregateKey> {
        match self.ordering {
            OrderingMode::Unordered => self.by_aggregate(topic, received).key(topic, received),
            _ => direction.key(topic, received),
        }
    }

    /// Where an event goes whose aggregate does not matter.
    #[cold]
    fn of_partition(&self, topic: &TopicName, number: PartitionNumber) -> Direction {
        let is_lane = self.ordering == OrderingMode::PerPartition;
        let named = is_lane.then(|| AggregateId::new(format!("partition-{number}")).ok()).flatten();
        let Some(id) = named else { return Direction { hash: None, key: None } };
        let key = AggregateKey { topic: topic.clone(), tenant: None, id };
        Direction { hash: Some(self.hash(KeyRef::of(&key))), key: Some(key) }
    }

    /// Asks the router about an event that does not name its aggregate, or whose route is the user's.
    #[cold]
    fn ask(&self, topic: &TopicName, body: &Body) -> Direction {
        let (tenant, id) = match body {
            Body::Event(envelope) => {
                let tenant = envelope.tenant().map(|tenant| CompactString::new(tenant.as_str()));
                (
                    tenant,
                    self.routed(&Routable {
                        topic,
                        aggregate: envelope.aggregate().map(AggregateId::as_str),
                        tenant: envelope.tenant().map(TenantId::as_str),
                        event_type: envelope.event_type().map(laneway_domain::EventType::as_str),
                        headers: envelope.headers(),
                        key: None,
                    }),
                )
            }
            Body::Record(record) => {
                let codec = self.codec.as_deref();
                let route = codec.and_then(|codec| crate::guard::guarded(|| codec.route(record)).ok());
                let route = route.unwrap_or_default();
                let tenant = route.tenant.as_ref().map(|tenant| CompactString::new(tenant.as_str()));
                (
                    tenant,
                    self.routed(&Routable {
                        topic,
                        aggregate: route.aggregate.as_ref().map(AggregateId::as_str),
                        tenant: route.tenant.as_ref().map(TenantId::as_str),
                        event_type: route.event_type.as_ref().map(laneway_domain::EventType::as_str),
                        headers: &record.headers,
                        key: record.key.as_deref(),
                    }),
                )
            }
        };
        let Some(id) = id else { return Direction { hash: None, key: None } };
        let tenant = tenant.and_then(|tenant| TenantId::new(tenant).ok());
        let key = AggregateKey { topic: topic.clone(), tenant, id };
        let borrowed =
            KeyRef { topic, tenant: key.tenant.as_ref().map(TenantId::as_str), id: key.id.as_str() };
        Direction { hash: Some(self.hash(borrowed)), key: Some(key) }
    }

    fn routed(&self, event: &Routable<'_>) -> Option<AggregateId> {
        match self.router.route(event) {
            Routed::Lane(id) => AggregateId::new(id).ok(),
            Routed::Unordered => None,
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: KeyRef<'_>) -> NonZeroU64 {
        let mut hasher = foldhash::fast::FixedState::with_seed(self.seed).build_hasher();
        key.id.hash(&mut hasher);
        key.topic.as_str().hash(&mut hasher);
        if let Some(tenant) = key.tenant {
            tenant.hash(&mut hasher);
        }
        NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN)
    }
}

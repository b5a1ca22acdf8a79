//! What is published.

use std::collections::HashMap;
use std::time::Duration;

use laneway_domain::{
    AggregateId, AggregateVersion, Envelope, EventId, EventType, Invalid, TenantId, Timestamp, TopicName,
};
use uuid::Uuid;

use super::chance::Chance;
use crate::clock::SimClock;

/// One event of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPlan {
    /// Its number: decides its id.
    pub number: u32,
    /// Its topic, by number.
    pub topic: usize,
    /// Its tenant, where it has one.
    pub tenant: Option<u8>,
    /// Its aggregate, where it has one.
    pub aggregate: Option<u8>,
    /// Its number among the events of its aggregate, from 1.
    pub version: u64,
    /// Who publishes it, by number.
    pub publisher: usize,
    /// When it is published at the earliest.
    pub at: Duration,
    /// The bytes of its payload.
    pub size: usize,
}

/// How events are drawn.
pub(super) struct Draft {
    pub(super) topics: usize,
    pub(super) publishers: usize,
    pub(super) within: Duration,
}

/// The most tenants of a scenario.
const TENANTS: u8 = 2;

/// Everybody who may be a tenant in a scenario.
pub(super) fn tenants() -> impl Iterator<Item = TenantId> {
    (1..=TENANTS).filter_map(|tenant| TenantId::new(format!("t{tenant}")).ok())
}

/// Draws the events of a scenario. Aggregates are busy in different measure; all events of one have one publisher.
pub(super) fn draw(chance: &mut Chance, draft: &Draft) -> Vec<EventPlan> {
    let most = if chance.percent(20) { 200 } else { 80 };
    let count = chance.between(20..=most);
    let aggregates = chance.between(1..=12);
    let (tenants, loose) =
        (chance.between(0..=usize::from(TENANTS)), if chance.percent(40) { 10 } else { 0 });
    let burst = chance.percent(30);
    let mut versions = HashMap::new();
    let mut events: Vec<_> = (0..u32::try_from(count).unwrap_or(0))
        .map(|number| {
            let busiest = chance.between(0..=aggregates - 1);
            let aggregate = chance.between(0..=busiest);
            let aggregate = (!chance.percent(loose)).then_some(u8::try_from(aggregate).unwrap_or(0));
            let tenant = if tenants == 0 { 0 } else { chance.between(0..=tenants) };
            let tenant = u8::try_from(tenant).ok().filter(|tenant| *tenant > 0);
            let publisher = match aggregate {
                Some(aggregate) => usize::from(aggregate) % draft.publishers,
                None => chance.between(0..=draft.publishers - 1),
            };
            let within = u64::try_from(draft.within.as_millis()).unwrap_or(0);
            let at = if burst { Duration::ZERO } else { chance.millis(0..=within) };
            let (topic, size) = (chance.between(0..=draft.topics - 1), chance.between(0..=64));
            EventPlan { number, topic, tenant, aggregate, version: 0, publisher, at, size }
        })
        .collect();
    events.sort_by_key(|event| event.at);
    for event in &mut events {
        let version = versions.entry((event.topic, event.tenant, event.aggregate)).or_insert(0);
        *version += 1;
        event.version = *version;
    }
    events
}

/// What a handler of `event` publishes as its event number `number`: of the same aggregate, on another topic.
pub(super) fn echo(seed: u64, number: u32, event: &Envelope, topic: &TopicName) -> Envelope {
    let id = Uuid::from_u64_pair(!seed, u64::from(number) + 1);
    let mut echo = Envelope::new(topic.clone(), "echo").with_event_type(EventType::from_static("Echoed"));
    if let Some(id) = EventId::new(id) {
        echo = echo.with_id(id);
    }
    if let Some(tenant) = event.tenant() {
        echo = echo.with_tenant(tenant.clone());
    }
    if let Some(aggregate) = event.aggregate() {
        echo = echo.with_aggregate(aggregate.clone());
    }
    echo
}

impl EventPlan {
    /// The most bytes of an event's payload and headers.
    pub(super) const MOST_BYTES: usize = 128;

    /// The event itself, on this topic, in the scenario of this seed.
    ///
    /// # Errors
    /// None: its names are legal.
    pub fn envelope(&self, seed: u64, topic: &TopicName) -> Result<Envelope, Invalid> {
        let payload: Vec<u8> = (0..self.size).map(|at| u8::try_from(at).unwrap_or(0)).collect();
        let since = i64::try_from(self.at.as_nanos()).unwrap_or(0);
        let id = Uuid::from_u64_pair(seed, u64::from(self.number) + 1);
        let mut envelope = Envelope::new(topic.clone(), payload)
            .with_event_type(EventType::from_static("Happened"))
            .with_occurred_at(Timestamp::from_unix_nanos(SimClock::BIRTH.unix_nanos() + since));
        if let Some(id) = EventId::new(id) {
            envelope = envelope.with_id(id);
        }
        if let Some(tenant) = self.tenant {
            envelope = envelope.with_tenant(TenantId::new(format!("t{tenant}"))?);
        }
        if let Some(aggregate) = self.aggregate {
            envelope = envelope.with_aggregate(AggregateId::new(format!("a{aggregate}"))?);
            if let Some(version) = AggregateVersion::new(self.version) {
                envelope = envelope.with_version(version);
            }
        }
        if self.number.is_multiple_of(7) {
            envelope = envelope.with_header("null", None).with_header("raw", Some(vec![0xff, 0].into()));
        }
        Ok(envelope)
    }
}

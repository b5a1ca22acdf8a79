//! What is published and handled: an event with all that is said about it.

use bytes::Bytes;

use crate::aggregate::AggregateKey;
use crate::error::Invalid;
use crate::headers::Headers;
use crate::identity::{
    AggregateId, AggregateVersion, CausationId, CorrelationId, EventId, EventType, TenantId,
};
use crate::time::Timestamp;
use crate::topic::TopicName;
use crate::trace::TraceContext;

/// An event on its way.
///
/// What every event has stands in the envelope itself; what few have (tenant, correlation, causation, trace, headers)
/// in one box, so that an envelope is small and moves quickly. Publishing stamps the id and the time where they are
/// missing. An envelope without an aggregate is handled in no order.
///
/// ```
/// use laneway_domain::{AggregateId, Envelope, EventType, TopicName};
/// let placed = Envelope::new(TopicName::new("orders")?, r#"{"total":1250}"#)
///     .with_aggregate(AggregateId::new("order:42")?)
///     .with_event_type(EventType::from_static("OrderPlaced"))
///     .with_header("source", Some("web".into()));
/// assert_eq!(placed.aggregate().map(AggregateId::as_str), Some("order:42"));
/// # Ok::<(), laneway_domain::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    id: EventId,
    topic: TopicName,
    aggregate: Option<AggregateId>,
    event_type: Option<EventType>,
    version: Option<AggregateVersion>,
    occurred_at: Option<Timestamp>,
    schema_version: u32,
    payload: Bytes,
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rare {
    tenant: Option<TenantId>,
    correlation: Option<CorrelationId>,
    causation: Option<CausationId>,
    trace: Option<TraceContext>,
    headers: Headers,
}

impl Envelope {
    /// An event of `topic` with these bytes, without an aggregate, a type or an id.
    pub fn new(topic: TopicName, payload: impl Into<Bytes>) -> Self {
        Self {
            id: EventId::UNSTAMPED,
            topic,
            aggregate: None,
            event_type: None,
            version: None,
            occurred_at: None,
            schema_version: 1,
            payload: payload.into(),
            rare: None,
        }
    }

    /// Sets the aggregate: the key of order.
    #[must_use]
    pub fn with_aggregate(mut self, aggregate: AggregateId) -> Self {
        self.aggregate = Some(aggregate);
        self
    }

    /// Sets the number of this event among those of its aggregate, consecutive from 1.
    #[must_use]
    pub fn with_version(mut self, version: AggregateVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets the type of the event.
    #[must_use]
    pub fn with_event_type(mut self, event_type: EventType) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// Sets the version of the payload's schema; 1 unless set.
    #[must_use]
    pub fn with_schema_version(mut self, version: u32) -> Self {
        self.schema_version = version;
        self
    }

    /// Sets the payload and leaves all else as it is: how an operator repairs a dead letter without giving it another id.
    #[must_use]
    pub fn with_payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Sets the event's id instead of having publishing make one.
    #[must_use]
    pub fn with_id(mut self, id: EventId) -> Self {
        self.id = id;
        self
    }

    /// Sets when the event happened instead of having publishing take the time.
    #[must_use]
    pub fn with_occurred_at(mut self, at: Timestamp) -> Self {
        self.occurred_at = Some(at);
        self
    }

    /// Sets the tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: TenantId) -> Self {
        self.rare().tenant = Some(tenant);
        self
    }

    /// Sets the correlation id.
    #[must_use]
    pub fn with_correlation(mut self, id: CorrelationId) -> Self {
        self.rare().correlation = Some(id);
        self
    }

    /// Sets the causation id.
    #[must_use]
    pub fn with_causation(mut self, id: CausationId) -> Self {
        self.rare().causation = Some(id);
        self
    }

    /// Sets the trace context.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.rare().trace = Some(trace);
        self
    }

    /// Adds a header behind the others.
    #[must_use]
    pub fn with_header(mut self, name: impl AsRef<str>, value: Option<Bytes>) -> Self {
        self.rare().headers.push(name, value);
        self
    }

    /// Sets all headers at once, in place of those that there are.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        if self.rare.is_some() || !headers.is_empty() {
            self.rare().headers = headers;
        }
        self
    }

    /// Makes this the only header of that name; see [`Headers::set`].
    pub fn set_header(&mut self, name: impl AsRef<str>, value: Option<Bytes>) {
        self.rare().headers.set(name, value);
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The event's id; none before it was stamped.
    #[must_use]
    pub fn id(&self) -> Option<EventId> {
        (self.id != EventId::UNSTAMPED).then_some(self.id)
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// The aggregate, where the event has one.
    #[inline]
    #[must_use]
    pub fn aggregate(&self) -> Option<&AggregateId> {
        self.aggregate.as_ref()
    }

    /// The number of the event among those of its aggregate.
    #[must_use]
    pub fn version(&self) -> Option<AggregateVersion> {
        self.version
    }

    /// The type of the event.
    #[must_use]
    pub fn event_type(&self) -> Option<&EventType> {
        self.event_type.as_ref()
    }

    /// The version of the payload's schema.
    #[must_use]
    pub fn schema_version(&self) -> u32 {
        self.schema_version
    }

    /// When it happened; none before it was stamped.
    #[must_use]
    pub fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The tenant.
    #[inline]
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        self.rare.as_ref()?.tenant.as_ref()
    }

    /// The correlation id.
    #[must_use]
    pub fn correlation(&self) -> Option<&CorrelationId> {
        self.rare.as_ref()?.correlation.as_ref()
    }

    /// The causation id.
    #[must_use]
    pub fn causation(&self) -> Option<&CausationId> {
        self.rare.as_ref()?.causation.as_ref()
    }

    /// The trace context.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.rare.as_ref()?.trace.as_ref()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        const NONE: &Headers = &Headers::new();
        self.rare.as_ref().map_or(NONE, |rare| &rare.headers)
    }

    /// The key of the event's lane, where it has an aggregate.
    #[must_use]
    pub fn key(&self) -> Option<AggregateKey> {
        let id = self.aggregate.clone()?;
        Some(AggregateKey { topic: self.topic.clone(), tenant: self.tenant().cloned(), id })
    }

    /// The bytes that the event occupies beyond the envelope itself: payload and headers.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        self.payload.len() + self.rare.as_ref().map_or(0, |rare| rare.headers.size())
    }

    /// Gives the event an id and a time where it has none.
    #[inline]
    pub fn stamp(&mut self, id: impl FnOnce() -> EventId, at: Timestamp) {
        if self.id == EventId::UNSTAMPED {
            self.id = id();
        }
        self.occurred_at.get_or_insert(at);
    }

    /// Checks what the types alone do not: a schema version is at least 1.
    ///
    /// # Errors
    /// [`Invalid`] with the field and the rule.
    pub fn check(&self) -> Result<(), Invalid> {
        match self.schema_version {
            0 => Err(Invalid::new("schema_version", "is at least 1", 0)),
            _ => Ok(()),
        }
    }

    /// A copy that shares no buffer with this one: what waits long must not pin what it came in.
    #[must_use]
    pub fn detached(&self) -> Self {
        let mut own = self.clone();
        own.payload = Bytes::copy_from_slice(&self.payload);
        if let Some(rare) = &mut own.rare {
            rare.headers = rare.headers.detached();
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_stays_within_160_bytes() {
        assert!(size_of::<Envelope>() <= 160, "{}", size_of::<Envelope>());
    }

    #[test]
    fn stamping_keeps_what_is_there() {
        let id = |n: u128| EventId::new(uuid::Uuid::from_u128(n)).unwrap();
        let mut event = Envelope::new(TopicName::new("t").unwrap(), "x");
        assert_eq!(event.id(), None);
        event.stamp(|| id(1), Timestamp::from_unix_millis(5));
        event.stamp(|| id(2), Timestamp::from_unix_millis(6));
        assert_eq!(event.id(), Some(id(1)));
        assert_eq!(event.occurred_at(), Some(Timestamp::from_unix_millis(5)));
    }

    #[test]
    fn another_payload_leaves_all_else_as_it_is() {
        let event = |payload: &'static str| {
            let id = EventId::new(uuid::Uuid::from_u128(1)).unwrap();
            let tenant = TenantId::new("acme").unwrap();
            Envelope::new(TopicName::new("t").unwrap(), payload).with_id(id).with_tenant(tenant)
        };
        assert_eq!(event("bad").with_payload("good"), event("good"));
    }

    #[test]
    fn a_schema_version_of_zero_is_named() {
        let event = Envelope::new(TopicName::new("t").unwrap(), "x").with_schema_version(0);
        assert_eq!(event.check().unwrap_err().field(), "schema_version");
    }
}

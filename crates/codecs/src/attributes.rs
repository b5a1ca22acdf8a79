//! Between an envelope and the attributes of a CloudEvent, however they are carried.

use std::borrow::Cow;

use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, CodecError, CorrelationId, Envelope, EventType, Invalid,
    Record, Route, TenantId, TopicName, TraceContext,
};
use uuid::Uuid;

use crate::attribute::{Attribute, AttributeSet};
use crate::event_id::{event_id, is_own_form};
use crate::fault::{malformed, unstamped};
use crate::source::Source;
use crate::timestamp;
use crate::tombstone::{TOMBSTONE, is_buried};

/// The `type` of an event without one: the attribute is required.
pub(crate) const UNTYPED: &str = "laneway.untyped";

const VERSION: &str = "1.0";

/// The attributes of one event, as text.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'r>([Option<Cow<'r, str>>; Attribute::COUNT]);

impl<'r> Attributes<'r> {
    pub(crate) fn get(&self, attribute: Attribute) -> Option<&str> {
        self.0[attribute as usize].as_deref()
    }

    /// Sets an attribute; false where it is set already.
    pub(crate) fn set(&mut self, attribute: Attribute, value: Cow<'r, str>) -> bool {
        self.0[attribute as usize].replace(value).is_none()
    }

    /// What decides about the lane: the first of `partitionkey`, `subject` and the key that is a legal id.
    pub(crate) fn route(&self, record: &Record) -> Route {
        let legal = |text| AggregateId::new(text).ok();
        let named =
            self.get(Attribute::PartitionKey).or_else(|| self.get(Attribute::Subject)).and_then(legal);
        let of = self.get(Attribute::Type).filter(|name| *name != UNTYPED);
        let untyped = || {
            let bare = self.get(Attribute::Type).is_none() && is_buried(record);
            bare.then_some(TOMBSTONE)
        };
        Route {
            aggregate: named.or_else(|| by_key(record)),
            tenant: self.get(Attribute::Tenant).and_then(|tenant| TenantId::new(tenant).ok()),
            event_type: of.and_then(|name| EventType::new(name).ok()).or_else(untyped),
        }
    }

    /// The event that the attributes say, without payload and headers.
    pub(crate) fn envelope(
        &self,
        format: &'static str,
        topic: &TopicName,
        record: &Record,
    ) -> Result<Envelope, CodecError> {
        let buried = is_buried(record);
        self.check(format, buried)?;
        let mut event = Envelope::new(topic.clone(), "");
        if let Some(text) = self.get(Attribute::Id) {
            let id = event_id(self.get(Attribute::Source), text);
            event =
                event.with_id(id.ok_or_else(|| malformed(format, "id is empty: give each event its own"))?);
        }
        let named = self.get(Attribute::PartitionKey).or_else(|| self.get(Attribute::Subject));
        let aggregate = named.map(AggregateId::new).transpose()?;
        event = aggregate.or_else(|| by_key(record)).into_iter().fold(event, Envelope::with_aggregate);
        event = match self.get(Attribute::Type) {
            Some(UNTYPED) => event,
            Some(name) => event.with_event_type(EventType::new(name)?),
            None => event.with_event_type(TOMBSTONE),
        };
        if let Some(text) = self.get(Attribute::Time) {
            let at = timestamp::parse(text);
            let why = || malformed(format, format!("time is no RFC 3339 time between 1678 and 2262: {text}"));
            event = event.with_occurred_at(at.ok_or_else(why)?);
        }
        self.extended(format, event)
    }

    /// Adds the extension attributes.
    fn extended(&self, format: &'static str, mut event: Envelope) -> Result<Envelope, CodecError> {
        if let Some(tenant) = self.get(Attribute::Tenant) {
            event = event.with_tenant(TenantId::new(tenant)?);
        }
        if let Some(id) = self.get(Attribute::CorrelationId) {
            event = event.with_correlation(CorrelationId::new(id)?);
        }
        if let Some(id) = self.get(Attribute::CausationId) {
            event = event.with_causation(CausationId::new(id)?);
        }
        if let Some(version) = self.number::<AggregateVersion>(format, Attribute::AggregateVersion)? {
            event = event.with_version(version);
        }
        if let Some(version) = self.number(format, Attribute::SchemaVersion)? {
            event = event.with_schema_version(version);
        }
        // What is no trace context stays what it was: a trace must not cost an event.
        let parent = self.get(Attribute::TraceParent);
        let trace = parent.and_then(|it| TraceContext::new(it, self.get(Attribute::TraceState)).ok());
        event = trace.into_iter().fold(event, Envelope::with_trace);
        event.check()?;
        Ok(event)
    }

    fn number<T: std::str::FromStr>(
        &self,
        format: &'static str,
        of: Attribute,
    ) -> Result<Option<T>, CodecError> {
        let parse = |text: &str| {
            let why = || malformed(format, format!("{} is no number from 1: {text}", of.name()));
            text.parse().map_err(|_| why())
        };
        self.get(of).map(parse).transpose()
    }

    /// Checks what CloudEvents requires; a tombstone may come from who knows nothing of them.
    fn check(&self, format: &'static str, buried: bool) -> Result<(), CodecError> {
        match self.get(Attribute::SpecVersion) {
            Some(VERSION) => {}
            None if buried => {}
            None => {
                let why = "specversion is missing, so this is no CloudEvent: read the topic with the codec of its \
                           producers, or have them write 1.0";
                return Err(malformed(format, why));
            }
            Some(other) => {
                let why = format!("specversion is {other}, and 1.0 is read: have the producer write 1.0");
                return Err(malformed(format, why));
            }
        }
        let required = [Attribute::Id, Attribute::Source, Attribute::Type];
        match required.into_iter().find(|attribute| self.get(*attribute).is_none_or(str::is_empty)) {
            Some(missing) if !buried => {
                let why =
                    format!("{} is missing, which CloudEvents requires of the producer", missing.name());
                Err(malformed(format, why))
            }
            _ => Ok(()),
        }
    }

    /// The attributes whose value the envelope has no field for; they stay as headers.
    pub(crate) fn left_over(&self, event: &Envelope, source: &Source) -> AttributeSet {
        let mut left = AttributeSet::default();
        for attribute in Attribute::ALL {
            let Some(text) = self.get(attribute) else { continue };
            let stays = match attribute {
                Attribute::Id => event.id().is_none_or(|id| !is_own_form(id, text)),
                Attribute::Source => text != source.as_str(),
                Attribute::Subject => event.aggregate().is_none_or(|id| id.as_str() != text),
                Attribute::TraceParent | Attribute::TraceState => event.trace().is_none(),
                _ => false,
            };
            if stays {
                left.insert(attribute);
            }
        }
        left
    }
}

/// Says each attribute of `event` in the order in which they are written.
pub(crate) fn say(
    event: &Envelope,
    source: &Source,
    mut put: impl FnMut(Attribute, &str),
) -> Result<(), CodecError> {
    event.check()?;
    let id = event.id().ok_or_else(unstamped)?;
    put(Attribute::SpecVersion, VERSION);
    put(Attribute::Id, id.uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    put(Attribute::Source, source.as_str());
    put(Attribute::Type, type_of(event)?);
    if let Some(aggregate) = event.aggregate() {
        put(Attribute::Subject, aggregate.as_str());
        put(Attribute::PartitionKey, aggregate.as_str());
    }
    if let Some(at) = event.occurred_at() {
        put(Attribute::Time, &timestamp::text(at));
    }
    if let Some(tenant) = event.tenant() {
        put(Attribute::Tenant, tenant.as_str());
    }
    if let Some(id) = event.correlation() {
        put(Attribute::CorrelationId, id.as_str());
    }
    if let Some(id) = event.causation() {
        put(Attribute::CausationId, id.as_str());
    }
    if let Some(version) = event.version() {
        put(Attribute::AggregateVersion, &version.to_string());
    }
    if event.schema_version() != 1 {
        put(Attribute::SchemaVersion, &event.schema_version().to_string());
    }
    if let Some(trace) = event.trace() {
        put(Attribute::TraceParent, trace.parent());
        trace.state().into_iter().for_each(|state| put(Attribute::TraceState, state));
    }
    Ok(())
}

fn type_of(event: &Envelope) -> Result<&str, Invalid> {
    match event.event_type().map(EventType::as_str) {
        Some(UNTYPED) => Err(Invalid::new(
            "event_type",
            "is not `laneway.untyped`, which says that there is none",
            UNTYPED,
        )),
        name => Ok(name.unwrap_or(UNTYPED)),
    }
}

/// The aggregate that the key names; a key that is no legal id names none.
fn by_key(record: &Record) -> Option<AggregateId> {
    AggregateId::new(std::str::from_utf8(record.key.as_deref()?).ok()?).ok()
}

//! The JSON envelope of the Go fleet.

mod tag;
mod wire;

use bytes::Bytes;
use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, Codec, CodecError, CorrelationId, Envelope, EventType,
    Headers, Invalid, Record, Route, TenantId, TopicName, TraceContext, Undecodable,
};

use crate::event_id::{event_id, is_own_form};
use crate::fault::{comes_back, malformed};
use crate::members::{Members, json_value, not_read};
use crate::timestamp;
use crate::tombstone::{self, TOMBSTONE};
use tag::{Tag, Tags, each_tag, id_text, trace_id};
use wire::Wire;

const FORMAT: &str = "fleet json";

/// Headers in which an aggregate's id is looked for behind the envelope itself, in this order.
const AGGREGATE: [&str; 4] = ["X-Aggregate-ID", "x-aggregate-id", "Aggregate-ID", "aggregate-id"];
/// The metadata of a message that is plain bytes.
const METADATA: [&str; 3] = ["aggregateID", "aggregate_id", "AggregateID"];
/// What Go writes for a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The JSON envelope of an existing fleet of Go services, so that a Rust service can join it: `event_id`,
/// `aggregate_id`, `event_type`, `event_version` (of the schema), `timestamp`, `trace_id`, `correlation_id`, `tenant_id`
/// and `payload`, with the key and the `X-` headers that the fleet sets on Kafka.
///
/// - *Id*: a UUID, or any text, which is mapped by [`EVENT_ID_NAMESPACE`](crate::EVENT_ID_NAMESPACE) and kept in the
///   header `X-Event-ID`, from where it is written back.
/// - *Aggregate*: required. Read from the envelope, else the headers `X-Aggregate-ID`, `x-aggregate-id`, `Aggregate-ID`,
///   `aggregate-id`, else the key; see [`FleetJson::key_of_subject`]. Written ids have only `A-Z a-z 0-9 : _ - . /`.
/// - *Tenant*: an integer; 0 is none, and is left out.
/// - *Payload*: any JSON value without white space around it, byte for byte.
/// - *Trace*: `trace_id` is that of the trace context, which travels in `traceparent` and `tracestate`; without these
///   it stays in the header `X-Trace-ID`.
/// - The aggregate's version and the causation, which the fleet does not know, travel in `X-Aggregate-Version` and
///   `X-Causation-ID`.
///
/// A record with the metadata `aggregateID`, `aggregate_id` or `AggregateID` and without the headers of an envelope is a
/// regular message: plain bytes, read as they are, never written. A null value is read as a
/// [tombstone](crate::TOMBSTONE_HEADER) and not written either.
///
/// Where the headers name aggregate and type, the lane is found without a look at the JSON; a record whose headers and
/// envelope contradict each other does not decode.
///
/// ```
/// use laneway_codecs::FleetJson;
/// use laneway_domain::{Codec, Record, TopicName};
/// let value = r#"{"event_id":"1","aggregate_id":"order:42","event_type":"OrderPaid","event_version":3,
///     "timestamp":"2026-03-01T10:15:30.5Z","tenant_id":7,"payload":{ "amount": 1250 }}"#;
/// let record = Record { value: Some(value.into()), ..Record::default() };
/// let paid = FleetJson.decode(&TopicName::new("orders")?, record)?;
/// assert_eq!(paid.payload(), r#"{ "amount": 1250 }"#);
/// assert_eq!((paid.schema_version(), paid.tenant().map(|id| id.as_str())), (3, Some("7")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct FleetJson;

impl FleetJson {
    /// The last token of a NATS subject, where the fleet looks for an aggregate at last. The fleet writes no headers
    /// there and NATS has no keys: an adapter that reads the fleet's subjects hands this over as the record's key.
    ///
    /// ```
    /// use laneway_codecs::FleetJson;
    /// assert_eq!(FleetJson::key_of_subject("shop.orders.42").as_deref(), Some(&b"42"[..]));
    /// ```
    #[must_use]
    pub fn key_of_subject(subject: &str) -> Option<Bytes> {
        let token = subject.rsplit('.').next().filter(|token| !token.is_empty())?;
        Some(Bytes::copy_from_slice(token.as_bytes()))
    }

    /// Whether the headers say that this is an envelope or a regular message of the fleet.
    pub(crate) fn claims(headers: &Headers) -> bool {
        headers.first(Tag::EventId.header()).is_some() || is_regular(headers)
    }
}

/// Plain bytes with metadata, and no envelope.
fn is_regular(headers: &Headers) -> bool {
    let there = |name: &&str| headers.first(name).is_some();
    METADATA.iter().any(there) && ![Tag::EventId, Tag::AggregateId].iter().any(|tag| there(&tag.header()))
}

/// The first of these headers, else the key, that is a legal id.
fn found(names: &[&str], record: &Record) -> Option<AggregateId> {
    let legal = |bytes: &[u8]| AggregateId::new(std::str::from_utf8(bytes).ok()?).ok();
    let header = names.iter().find_map(|name| legal(record.headers.first(name)??));
    header.or_else(|| legal(record.key.as_deref()?))
}

/// The aggregate of a record that is no envelope.
fn found_anywhere(record: &Record) -> Option<AggregateId> {
    let [a, b, c] = METADATA;
    let [d, e, f, g] = AGGREGATE;
    found(&[a, b, c, d, e, f, g], record)
}

/// Whether the headers alone say which lane the event takes.
fn is_tagged(tags: &Tags<'_>) -> bool {
    let legal = |id| AggregateId::new(id).is_ok();
    tags.get(Tag::AggregateId).is_some_and(legal) && tags.get(Tag::EventType).is_some()
}

impl Codec for FleetJson {
    fn encode(&self, event: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        event.check()?;
        if tombstone::is_written(event)? {
            let rule = "is not written in this format: the fleet has no tombstones";
            return Err(Invalid::new("header", rule, tombstone::TOMBSTONE_HEADER).into());
        }
        let given = Tags::of(event.headers());
        let aggregate = checked_aggregate(event)?;
        record.value = Some(json(event, &given)?.into());
        record.key = Some(Bytes::copy_from_slice(aggregate.as_bytes()));
        let headers = &mut record.headers;
        each_tag(event, |tag, text| {
            if !given.is_there(tag) {
                headers.push(tag.header(), Some(Bytes::copy_from_slice(text.as_bytes())));
            }
        });
        headers.append(event.headers());
        match event.headers().iter().find(|(name, _)| Tag::of(name).is_some()) {
            Some((header, _)) => comes_back(self, event, record, header),
            None => Ok(()),
        }
    }

    fn route(&self, record: &Record) -> Route {
        let Some(value) = record.value.as_deref().filter(|_| !tombstone::is_buried(record)) else {
            return Route { aggregate: found_anywhere(record), tenant: None, event_type: Some(TOMBSTONE) };
        };
        if is_regular(&record.headers) {
            return Route { aggregate: found_anywhere(record), ..Route::default() };
        }
        let (tags, mut wire) = (Tags::of(&record.headers), Wire::default());
        if !is_tagged(&tags) {
            // What does not decode may still have a lane: by what stands before the fault, by a header, by the key.
            let _ = wire.read(value);
        }
        let named = wire.aggregate_id.as_deref().and_then(|id| AggregateId::new(id).ok());
        let tenant = wire.tenant_id.map(|id| id.to_string());
        let of = wire.event_type.as_deref().or_else(|| tags.get(Tag::EventType));
        Route {
            aggregate: named.or_else(|| found(&AGGREGATE, record)),
            tenant: tenant
                .as_deref()
                .or_else(|| tags.get(Tag::TenantId))
                .and_then(|id| TenantId::new(id).ok()),
            event_type: of.and_then(|of| EventType::new(of).ok()),
        }
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        if tombstone::is_buried(&record) {
            let gone = Envelope::new(topic.clone(), "").with_event_type(TOMBSTONE);
            let gone = found_anywhere(&record).into_iter().fold(gone, Envelope::with_aggregate);
            let mut headers = record.headers;
            tombstone::mark(&mut headers);
            return Ok(gone.with_headers(headers));
        }
        if is_regular(&record.headers) {
            let aggregate = found_anywhere(&record);
            let event = Envelope::new(topic.clone(), record.value.unwrap_or_default());
            let event = aggregate.into_iter().fold(event, Envelope::with_aggregate);
            return Ok(event.with_headers(record.headers));
        }
        read(topic, &record).map_err(|error| Box::new(Undecodable { record, error }))
    }
}

/// The aggregate's id, where the fleet takes it.
fn checked_aggregate(event: &Envelope) -> Result<&str, Invalid> {
    let id = event.aggregate().map(AggregateId::as_str);
    let id = id.ok_or_else(|| Invalid::new("aggregate_id", "is required by the fleet's envelope", ""))?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b":_-./".contains(&byte);
    if id.bytes().all(legal) {
        return Ok(id);
    }
    Err(Invalid::new("aggregate_id", "has only A-Z a-z 0-9 : _ - . / in the fleet's envelope", id))
}

/// The JSON text, its fields in the fleet's order.
fn json(event: &Envelope, given: &Tags<'_>) -> Result<Vec<u8>, CodecError> {
    let missing = |field, rule| move || Invalid::new(field, rule, "");
    let of = event.event_type().ok_or_else(missing("event_type", "is required by the fleet's envelope"))?;
    let at = event.occurred_at();
    let at = at.ok_or_else(missing("occurred_at", "is stamped before an event is written: publish it"))?;
    let rule = "is one JSON value without white space around it in the fleet's envelope";
    let payload = json_value(event.payload()).ok_or_else(missing("payload", rule))?;
    let mut members = Members::with_capacity(256 + event.payload().len());
    members.add("event_id", &id_text(event, given)?);
    members.add("aggregate_id", checked_aggregate(event)?);
    members.add("event_type", of.as_str());
    members.add("event_version", &event.schema_version());
    members.add("timestamp", &timestamp::text(at));
    if let Some(id) = given.get(Tag::TraceId).or_else(|| trace_id(event)) {
        members.add("trace_id", id);
    }
    if let Some(id) = event.correlation() {
        members.add("correlation_id", id.as_str());
    }
    if let Some(tenant) = event.tenant() {
        members.add("tenant_id", &tenant_number(tenant)?);
    }
    members.add("payload", payload);
    members.end().map_err(|error| not_read(FORMAT, &error))
}

fn tenant_number(tenant: &TenantId) -> Result<i64, Invalid> {
    let number = tenant.as_str().parse::<i64>().ok().filter(|number| *number != 0);
    let number = number.filter(|number| number.to_string() == tenant.as_str());
    number.ok_or_else(|| Invalid::new("tenant", "is an integer other than 0 in the fleet's envelope", tenant))
}

fn read(topic: &TopicName, record: &Record) -> Result<Envelope, CodecError> {
    let value = record.value.clone().unwrap_or_default();
    let (tags, mut wire) = (Tags::of(&record.headers), Wire::default());
    wire.read(&value)?;
    agree(&wire, &tags)?;
    let missing =
        |what| move || malformed(FORMAT, format!("{what} is missing, which the fleet's envelope requires"));
    let id = wire.event_id.as_deref().ok_or_else(missing("event_id"))?;
    let payload = wire.payload.ok_or_else(missing("payload"))?;
    let of =
        wire.event_type.as_deref().or_else(|| tags.get(Tag::EventType)).ok_or_else(missing("event_type"))?;
    let named = wire.aggregate_id.as_deref().map(AggregateId::new).transpose()?;
    let aggregate = named.or_else(|| found(&AGGREGATE, record)).ok_or_else(missing("aggregate_id"))?;
    let version = wire.event_version.and_then(|version| u32::try_from(version).ok());
    let why = || malformed(FORMAT, "event_version is not between 1 and 4294967295");
    let mut event = Envelope::new(topic.clone(), value.slice_ref(payload.get().as_bytes()))
        .with_aggregate(aggregate)
        .with_event_type(EventType::new(of)?)
        .with_schema_version(version.ok_or_else(why)?);
    event = event_id(None, id).into_iter().fold(event, Envelope::with_id);
    if let Some(text) = wire.timestamp.as_deref().filter(|text| *text != NEVER) {
        let why =
            || malformed(FORMAT, format!("timestamp is no RFC 3339 time between 1678 and 2262: {text}"));
        event = event.with_occurred_at(timestamp::parse(text).ok_or_else(why)?);
    }
    let tenant = wire.tenant_id.map(|id| id.to_string());
    if let Some(id) = tenant.as_deref().or_else(|| tags.get(Tag::TenantId)) {
        event = event.with_tenant(TenantId::new(id)?);
    }
    if let Some(id) = wire.correlation_id.as_deref().or_else(|| tags.get(Tag::CorrelationId)) {
        event = event.with_correlation(CorrelationId::new(id)?);
    }
    Ok(with_headers(tagged(event, &tags), &wire, &tags, &record.headers))
}

/// Headers and envelope say the same of what decides about the lane, and of the id.
fn agree(wire: &Wire<'_>, tags: &Tags<'_>) -> Result<(), CodecError> {
    let tenant = wire.tenant_id.map(|id| id.to_string());
    let pairs = [
        (Tag::EventId, wire.event_id.as_deref()),
        (Tag::AggregateId, wire.aggregate_id.as_deref()),
        (Tag::EventType, wire.event_type.as_deref()),
        (Tag::TenantId, tenant.as_deref()),
    ];
    for (tag, field) in pairs {
        let said = match tags.get(tag) {
            None if tag == Tag::TenantId && is_tagged(tags) => Some("none"),
            said => said,
        };
        if let Some((said, field)) = said.zip(field).filter(|(said, field)| said != field) {
            let header = tag.header();
            let why = format!(
                "header {header} says {said} and the envelope {field}: the producer writes both alike"
            );
            return Err(malformed(FORMAT, why));
        }
    }
    Ok(())
}

/// Adds what travels in headers alone; what is illegal there stays a header.
fn tagged(mut event: Envelope, tags: &Tags<'_>) -> Envelope {
    let version = tags.get(Tag::AggregateVersion).and_then(|text| text.parse::<AggregateVersion>().ok());
    event = version.into_iter().fold(event, Envelope::with_version);
    let causation = tags.get(Tag::CausationId).and_then(|id| CausationId::new(id).ok());
    event = causation.into_iter().fold(event, Envelope::with_causation);
    let parent = tags.get(Tag::TraceParent);
    let trace = parent.and_then(|it| TraceContext::new(it, tags.get(Tag::TraceState)).ok());
    trace.into_iter().fold(event, Envelope::with_trace)
}

/// Adds the headers that the event's fields do not repeat, and those that keep what no field holds.
fn with_headers(event: Envelope, wire: &Wire<'_>, tags: &Tags<'_>, all: &Headers) -> Envelope {
    let mut headers = all.clone();
    tags.strip(&mut headers, &event);
    let id = wire.event_id.as_deref().filter(|text| event.id().is_none_or(|id| !is_own_form(id, text)));
    let trace = wire.trace_id.as_deref().filter(|text| trace_id(&event) != Some(text));
    for (tag, text) in [(Tag::EventId, id), (Tag::TraceId, trace)] {
        if let Some(text) = text.filter(|text| headers.first(tag.header()) != Some(Some(text.as_bytes()))) {
            headers.push(tag.header(), Some(Bytes::copy_from_slice(text.as_bytes())));
        }
    }
    event.with_headers(headers)
}

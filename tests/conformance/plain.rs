//! A codec that carries every field of an envelope, for records that need no other reader.

use bytes::Bytes;
use laneway::domain::{
    AggregateId, CausationId, Codec, CodecError, CorrelationId, Envelope, EventId, EventType, Headers,
    Invalid, Record, Route, TenantId, Timestamp, TopicName, TraceContext, Undecodable,
};
use uuid::Uuid;

/// The key is the aggregate and the value the payload. The other fields are headers, up to one called `-`; behind that
/// stand those of the event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

const END: &str = "-";

impl Codec for Plain {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        record.key = envelope.aggregate().map(|id| text(id.as_str()));
        record.value = Some(envelope.payload().clone());
        let headers = &mut record.headers;
        for (name, value) in fields(envelope) {
            headers.push(name, Some(value));
        }
        headers.push(END, None);
        for (name, value) in envelope.headers().iter() {
            headers.push(name, value.map(Bytes::copy_from_slice));
        }
        Ok(())
    }

    fn route(&self, record: &Record) -> Route {
        Route {
            aggregate: record.key.as_deref().and_then(|key| AggregateId::new(utf8(key)?).ok()),
            tenant: field(record, "tenant").and_then(|tenant| TenantId::new(tenant).ok()),
            event_type: field(record, "type").and_then(|name| EventType::new(name).ok()),
        }
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        read(topic, &record).map_err(|error| Box::new(Undecodable { record, error }))
    }
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The envelope's own fields, as text.
fn fields(envelope: &Envelope) -> impl Iterator<Item = (&'static str, Bytes)> {
    let trace = envelope.trace();
    let fields = [
        ("id", envelope.id().map(|id| id.to_string().into())),
        ("type", envelope.event_type().map(|name| text(name.as_str()))),
        ("version", envelope.version().map(|version| version.to_string().into())),
        ("schema", Some(envelope.schema_version().to_string().into())),
        ("at", envelope.occurred_at().map(|at| at.unix_nanos().to_string().into())),
        ("tenant", envelope.tenant().map(|id| text(id.as_str()))),
        ("correlation", envelope.correlation().map(|id| text(id.as_str()))),
        ("causation", envelope.causation().map(|id| text(id.as_str()))),
        ("trace", trace.map(|trace| text(trace.parent()))),
        ("state", trace.and_then(|trace| trace.state()).map(text)),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// A field of the envelope itself, where it is text.
fn field<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    let own = record.headers.iter().take_while(|(name, _)| *name != END);
    own.filter(|(known, _)| *known == name).find_map(|(_, value)| utf8(value?))
}

fn read(topic: &TopicName, record: &Record) -> Result<Envelope, CodecError> {
    let Some(payload) = record.value.clone() else { return Err(malformed("it has no value")) };
    if record.headers.first(END).is_none() {
        return Err(malformed("its own headers do not end"));
    }
    let text = |name| field(record, name);
    let mut event =
        Envelope::new(topic.clone(), payload).with_schema_version(number(text("schema"))?.unwrap_or(0));
    let key = record.key.as_deref().map(|key| utf8(key).ok_or_else(|| malformed("its key is no text")));
    event = with(event, key.transpose()?, AggregateId::new, Envelope::with_aggregate)?;
    event = with(event, text("type"), EventType::new, Envelope::with_event_type)?;
    event = with(event, text("tenant"), TenantId::new, Envelope::with_tenant)?;
    event = with(event, text("correlation"), CorrelationId::new, Envelope::with_correlation)?;
    event = with(event, text("causation"), CausationId::new, Envelope::with_causation)?;
    event =
        with(event, text("trace"), |parent| TraceContext::new(parent, text("state")), Envelope::with_trace)?;
    let id = number::<Uuid>(text("id"))?.and_then(EventId::new);
    event = id.into_iter().fold(event, Envelope::with_id);
    event = number(text("version"))?.into_iter().fold(event, Envelope::with_version);
    let at = number(text("at"))?.map(Timestamp::from_unix_nanos);
    event = at.into_iter().fold(event, Envelope::with_occurred_at);
    Ok(behind(&record.headers).fold(event, |event, (name, value)| event.with_header(name, value)))
}

/// The event's own headers.
fn behind(headers: &Headers) -> impl Iterator<Item = (&str, Option<Bytes>)> {
    let all = headers.iter().skip_while(|(name, _)| *name != END).skip(1);
    all.map(|(name, value)| (name, value.map(Bytes::copy_from_slice)))
}

fn with<'t, T>(
    event: Envelope,
    text: Option<&'t str>,
    parse: impl Fn(&'t str) -> Result<T, Invalid>,
    add: fn(Envelope, T) -> Envelope,
) -> Result<Envelope, CodecError> {
    Ok(match text {
        Some(text) => add(event, parse(text)?),
        None => event,
    })
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, CodecError> {
    let parse = |text: &str| text.parse().map_err(|_| malformed("a number is none"));
    text.map(parse).transpose()
}

fn malformed(reason: &str) -> CodecError {
    CodecError::Malformed { format: "plain", reason: reason.to_owned() }
}

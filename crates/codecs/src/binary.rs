//! CloudEvents in binary content mode: attributes are headers, the value is the payload.

use bytes::Bytes;
use laneway_domain::{Codec, CodecError, Envelope, Headers, Invalid, Record, Route, TopicName, Undecodable};

use crate::attribute::{Attribute, AttributeSet};
use crate::attributes::{Attributes, say};
use crate::binding::{Binding, CONTENT_TYPE, structured};
use crate::fault::{comes_back, malformed};
use crate::source::Source;
use crate::tombstone;

const FORMAT: &str = "cloudevents binary";
/// What NATS calls the content type; on Kafka it is `content-type` itself.
const NATS_CONTENT_TYPE: &str = "ce-datacontenttype";

/// [CloudEvents 1.0.2](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in binary content mode, in
/// the headers of Kafka (`ce_id`) or NATS (`ce-id`). The value is the payload, untouched; the key is the aggregate's id.
///
/// | field | attribute |
/// |---|---|
/// | id, type, time | `id`, `type` (`laneway.untyped` where there is none), `time` |
/// | aggregate | `partitionkey` and `subject`; reading takes the first there is, then the key |
/// | aggregate version, schema version unless it is 1 | `aggregateversion`, `schemaversion` |
/// | tenant, correlation, causation | `tenant`, `correlationid`, `causationid` |
/// | trace context | `traceparent`, `tracestate` |
/// | header `content-type` | `datacontenttype` |
///
/// Other headers pass unchanged. So does an attribute that no field can hold: an id that is no UUID, another source than
/// the codec's, a subject beside a partition key, an extension of somebody's. It stays a header under its name on the
/// wire, and is written back from there. A null value is a [tombstone](crate::TOMBSTONE_HEADER).
///
/// ```
/// use laneway_codecs::{CloudEventsBinary, Source};
/// use laneway_domain::{AggregateId, Codec, Envelope, EventId, Record, TopicName};
/// let codec = CloudEventsBinary::kafka(Source::new("/shop")?);
/// let orders = TopicName::new("orders")?;
/// # let id = EventId::new(uuid::Uuid::from_u128(1)).unwrap();
/// let paid = Envelope::new(orders.clone(), "{}").with_id(id).with_aggregate(AggregateId::new("order:42")?);
/// let mut record = Record::default();
/// codec.encode(&paid, &mut record)?;
/// assert_eq!(record.headers.first("ce_subject"), Some(Some(&b"order:42"[..])));
/// assert_eq!(codec.decode(&orders, record)?, paid);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CloudEventsBinary {
    binding: Binding,
    source: Source,
}

impl CloudEventsBinary {
    /// For the headers of Kafka, `ce_id`.
    #[must_use]
    pub const fn kafka(source: Source) -> Self {
        Self { binding: Binding::Kafka, source }
    }

    /// For the headers of NATS, `ce-id`, whose values are percent-encoded.
    #[must_use]
    pub const fn nats(source: Source) -> Self {
        Self { binding: Binding::Nats, source }
    }

    /// The attributes among the headers; those that are null are unset.
    fn attributes<'r>(&self, headers: &'r Headers) -> Result<Attributes<'r>, CodecError> {
        let mut attributes = Attributes::default();
        for (header, value) in headers.iter() {
            let Some((attribute, value)) = self.binding.attribute(header).zip(value) else { continue };
            let text = self.binding.decode(value);
            let text = text.ok_or_else(|| malformed(FORMAT, format!("header {header} is not UTF-8")))?;
            if !attributes.set(attribute, text) {
                return Err(malformed(FORMAT, format!("header {header} stands twice")));
            }
        }
        Ok(attributes)
    }

    fn read(&self, topic: &TopicName, record: &Record) -> Result<(Envelope, AttributeSet), CodecError> {
        let attributes = self.attributes(&record.headers)?;
        if attributes.get(Attribute::SpecVersion).is_none() && structured(&record.headers).is_some() {
            let why = "this is an event in structured mode: read it with `CloudEventsJson` or `Detecting`";
            return Err(malformed(FORMAT, why));
        }
        let event = attributes.envelope(FORMAT, topic, record)?;
        let left = attributes.left_over(&event, &self.source);
        Ok((event, left))
    }

    /// The attributes that stand among an envelope's own headers, and the first header that has to be looked at again.
    fn given<'e>(&self, headers: &'e Headers) -> (AttributeSet, Option<&'e str>) {
        let (mut given, mut doubtful) = (AttributeSet::default(), None);
        for (header, _) in headers.iter() {
            match self.binding.attribute(header) {
                Some(attribute) => given.insert(attribute),
                None if self.binding == Binding::Nats && header.eq_ignore_ascii_case(NATS_CONTENT_TYPE) => {}
                None => continue,
            }
            doubtful.get_or_insert(header);
        }
        (given, doubtful)
    }
}

impl Codec for CloudEventsBinary {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        let own = envelope.headers();
        if let Some(media) = structured(own) {
            let rule = "is the type of the payload: structured events are written by `CloudEventsJson`";
            return Err(Invalid::new(CONTENT_TYPE, rule, media).into());
        }
        let (given, doubtful) = self.given(own);
        let headers = &mut record.headers;
        say(envelope, &self.source, |attribute, text| {
            if !given.contains(attribute) {
                let value = self.binding.encode(text);
                headers.push(
                    self.binding.header(attribute.name()),
                    Some(Bytes::copy_from_slice(value.as_bytes())),
                );
            }
        })?;
        match self.binding {
            Binding::Kafka => headers.append(own),
            Binding::Nats => append_renamed(headers, own)?,
        }
        record.key = envelope.aggregate().map(|id| Bytes::copy_from_slice(id.as_str().as_bytes()));
        record.value = (!tombstone::is_written(envelope)?).then(|| envelope.payload().clone());
        doubtful.map_or(Ok(()), |header| comes_back(self, envelope, record, header))
    }

    fn route(&self, record: &Record) -> Route {
        let mut attributes = Attributes::default();
        for (header, value) in record.headers.iter() {
            let Some((attribute, value)) = self.binding.attribute(header).zip(value) else { continue };
            if is_routed_by(attribute)
                && attributes.get(attribute).is_none()
                && let Some(text) = self.binding.decode(value)
            {
                attributes.set(attribute, text);
            }
        }
        attributes.route(record)
    }

    fn decode(&self, topic: &TopicName, mut record: Record) -> Result<Envelope, Box<Undecodable>> {
        let (event, left) = match self.read(topic, &record) {
            Ok(read) => read,
            Err(error) => return Err(Box::new(Undecodable { record, error })),
        };
        let mut headers = std::mem::take(&mut record.headers);
        headers.retain(|header, _| self.binding.attribute(header).is_none_or(|it| left.contains(it)));
        if self.binding == Binding::Nats {
            headers = read_content_type(headers);
        }
        if record.value.is_none() {
            tombstone::mark(&mut headers);
        }
        Ok(event.with_payload(record.value.unwrap_or_default()).with_headers(headers))
    }
}

/// What the lane is decided by.
pub(crate) const fn is_routed_by(attribute: Attribute) -> bool {
    use Attribute::{PartitionKey, Subject, Tenant, Type};
    matches!(attribute, PartitionKey | Subject | Tenant | Type)
}

/// Adds an envelope's headers, with its content type under the name that it has on NATS.
fn append_renamed(headers: &mut Headers, own: &Headers) -> Result<(), Invalid> {
    if own.first(CONTENT_TYPE).is_none() {
        headers.append(own);
        return Ok(());
    }
    for (name, value) in own.iter() {
        if name != CONTENT_TYPE {
            headers.push(name, value.map(Bytes::copy_from_slice));
            continue;
        }
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        let text = text.ok_or_else(|| Invalid::new(CONTENT_TYPE, "is text on NATS", "bytes or null"))?;
        let value = Bytes::copy_from_slice(Binding::Nats.encode(text).as_bytes());
        headers.push(NATS_CONTENT_TYPE, Some(value));
    }
    Ok(())
}

/// Gives the content type back the name that it has in an envelope.
fn read_content_type(headers: Headers) -> Headers {
    let is_it = |name: &str| name.eq_ignore_ascii_case(NATS_CONTENT_TYPE);
    if !headers.iter().any(|(name, _)| is_it(name)) {
        return headers;
    }
    let renamed = headers.iter().map(|(name, value)| {
        match value.filter(|_| is_it(name)).and_then(|value| Binding::Nats.decode(value)) {
            Some(text) => (CONTENT_TYPE, Some(Bytes::copy_from_slice(text.as_bytes()))),
            None => (name, value.map(Bytes::copy_from_slice)),
        }
    });
    renamed.collect()
}

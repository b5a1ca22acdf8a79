//! Reads whatever of the formats comes, and writes one.

use laneway_domain::{Codec, CodecError, Envelope, Invalid, Record, Route, TopicName, Undecodable};

use crate::binary::CloudEventsBinary;
use crate::binding::{Binding, structured};
use crate::fault::malformed;
use crate::fleet::FleetJson;
use crate::members::each_member;
use crate::source::Source;
use crate::structured::CloudEventsJson;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// [`CloudEventsBinary::kafka`].
    CloudEventsKafka,
    /// [`CloudEventsBinary::nats`].
    CloudEventsNats,
    /// [`CloudEventsJson`].
    CloudEventsJson,
    /// [`FleetJson`].
    FleetJson,
}

/// Writes one format and reads all: for topics whose producers change theirs one by one.
///
/// What a record is, is found in this order:
///
/// 1. a `content-type` that starts with `application/cloudevents`: structured mode;
/// 2. a header `ce_specversion` or `ce-specversion`: binary mode of Kafka or of NATS;
/// 3. a header `X-Event-ID`, or the metadata of a regular message: the fleet's;
/// 4. a null value: a tombstone;
/// 5. the first of `specversion` and `event_id` among the members of a JSON object: structured mode without its header,
///    or the fleet's envelope without its headers, as on NATS.
///
/// Anything else does not decode. An envelope whose headers would make its record look like one of another format is
/// refused.
///
/// ```
/// use laneway_codecs::{Detecting, Format, Source};
/// use laneway_domain::{Codec, Record, TopicName};
/// let codec = Detecting::writing(Format::CloudEventsKafka, Source::new("/shop")?);
/// let value = r#"{"event_id":"1","aggregate_id":"order:42","event_type":"OrderPaid","event_version":1,"payload":{}}"#;
/// let record = Record { value: Some(value.into()), ..Record::default() };
/// assert_eq!(codec.detect(&record), Some(Format::FleetJson));
/// assert!(codec.decode(&TopicName::new("orders")?, record).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Detecting {
    writes: Format,
    kafka: CloudEventsBinary,
    nats: CloudEventsBinary,
    json: CloudEventsJson,
    fleet: FleetJson,
}

impl Detecting {
    /// Writes events of `source` in this format.
    #[must_use]
    pub fn writing(writes: Format, source: Source) -> Self {
        Self {
            writes,
            kafka: CloudEventsBinary::kafka(source.clone()),
            nats: CloudEventsBinary::nats(source.clone()),
            json: CloudEventsJson::new(source),
            fleet: FleetJson,
        }
    }

    /// The format of a record; none where it is of none that is known.
    #[must_use]
    pub fn detect(&self, record: &Record) -> Option<Format> {
        if structured(&record.headers).is_some() {
            return Some(Format::CloudEventsJson);
        }
        for (header, _) in record.headers.iter() {
            for (binding, format) in
                [(Binding::Kafka, Format::CloudEventsKafka), (Binding::Nats, Format::CloudEventsNats)]
            {
                if binding.name(header).is_some_and(|name| name.eq_ignore_ascii_case("specversion")) {
                    return Some(format);
                }
            }
        }
        if FleetJson::claims(&record.headers) {
            return Some(Format::FleetJson);
        }
        match record.value.as_deref() {
            None => Some(Format::CloudEventsKafka),
            Some(value) => by_members(value),
        }
    }

    fn codec(&self, format: Format) -> &dyn Codec {
        match format {
            Format::CloudEventsKafka => &self.kafka,
            Format::CloudEventsNats => &self.nats,
            Format::CloudEventsJson => &self.json,
            Format::FleetJson => &self.fleet,
        }
    }
}

/// Reads up to the first member that only one of the formats has.
fn by_members(value: &[u8]) -> Option<Format> {
    const FORMAT: &str = "detecting";
    if value.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let mut format = None;
    let _ = each_member(FORMAT, value, &mut |name, _| {
        format = match &*name {
            "specversion" => Some(Format::CloudEventsJson),
            "event_id" => Some(Format::FleetJson),
            _ => return Ok(()),
        };
        Err(malformed(FORMAT, ""))
    });
    format
}

impl Codec for Detecting {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        self.codec(self.writes).encode(envelope, record)?;
        let written = match (self.writes, &record.value) {
            // Only headers can say what is in a tombstone.
            (Format::CloudEventsJson, None) => Format::CloudEventsKafka,
            (format, _) => format,
        };
        match self.detect(record) {
            Some(format) if format == written => Ok(()),
            other => {
                let rule =
                    "do not make an event look like one of another format: give the header another name";
                Err(Invalid::new("headers", rule, format!("{other:?}")).into())
            }
        }
    }

    fn route(&self, record: &Record) -> Route {
        // What is of no format may still have a key.
        self.codec(self.detect(record).unwrap_or(Format::CloudEventsKafka)).route(record)
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        match self.detect(&record) {
            Some(format) => self.codec(format).decode(topic, record),
            None => {
                let why = "this is neither a CloudEvent nor an envelope of the fleet: give the topic the codec of its \
                           producers";
                Err(Box::new(Undecodable { record, error: malformed("detecting", why) }))
            }
        }
    }
}

//! CloudEvents in structured content mode, as JSON.

mod document;

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use laneway_domain::{Codec, CodecError, Envelope, Headers, Invalid, Record, Route, TopicName, Undecodable};

use crate::attribute::{Attribute, AttributeSet};
use crate::attributes::{Attributes, say};
use crate::binary::{CloudEventsBinary, is_routed_by};
use crate::binding::{Binding, CONTENT_TYPE, is_media, structured};
use crate::fault::{comes_back, malformed};
use crate::members::{Members, each_member, json_value, not_read, string};
use crate::source::Source;
use crate::tombstone;

use document::{Document, is_json};

const FORMAT: &str = "cloudevents json";
const MEDIA_TYPE: &str = "application/cloudevents+json";
const DATA_CONTENT_TYPE: &str = "datacontenttype";

/// CloudEvents 1.0.2 in structured content mode, in the
/// [JSON event format](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md): the whole
/// event is the value, and the header `content-type` says `application/cloudevents+json`.
///
/// Fields have the attributes of [`CloudEventsBinary`]. A payload that is JSON, and whose content type does not say
/// otherwise, stands in `data` byte for byte; any other in `data_base64`. The envelope's header `content-type` is
/// `datacontenttype`. Other headers stay headers of the record; one called `ce_` and the name of an extension stands in
/// the JSON as well, where others look for it. An extension that was a number or a boolean is text once it was read. A
/// [tombstone](crate::TOMBSTONE_HEADER) has no value to stand in: its attributes travel as in binary mode, which the
/// Kafka binding allows.
///
/// ```
/// use laneway_codecs::{CloudEventsJson, Source};
/// use laneway_domain::{Codec, Envelope, Record, TopicName};
/// let value = r#"{"specversion":"1.0","id":"7","source":"/shop","type":"Paid","subject":"order:42","data":{ "eur": 3 }}"#;
/// let record = Record { value: Some(value.into()), ..Record::default() };
/// let codec = CloudEventsJson::new(Source::new("/shop")?);
/// let paid = codec.decode(&TopicName::new("orders")?, record)?;
/// assert_eq!(paid.payload(), r#"{ "eur": 3 }"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CloudEventsJson {
    source: Source,
    tombstones: CloudEventsBinary,
}

impl CloudEventsJson {
    /// Events of this source.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self { tombstones: CloudEventsBinary::kafka(source.clone()), source }
    }
}

/// The first header of that name, where it is text.
fn text_header<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    std::str::from_utf8(headers.first(name)??).ok()
}

/// The extension that a header of an envelope stands for in the JSON.
fn extension(header: &str) -> Option<&str> {
    let name = Binding::Kafka.name(header)?;
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let reserved = name == "data" || name == DATA_CONTENT_TYPE;
    (!name.is_empty() && !reserved && name.bytes().all(legal)).then_some(name)
}

/// The extensions among an envelope's headers: the first of a name, where it is text.
fn extensions(headers: &Headers) -> Vec<(&str, &str)> {
    let mut seen = HashSet::new();
    let named = headers.iter().filter_map(|(header, value)| Some((extension(header)?, value)));
    let first = named.filter(|(name, _)| seen.insert(*name));
    first.filter_map(|(name, value)| Some((name, std::str::from_utf8(value?).ok()?))).collect()
}

impl CloudEventsJson {
    /// The JSON text of an event.
    fn json(&self, event: &Envelope) -> Result<Vec<u8>, CodecError> {
        let headers = event.headers();
        let media = text_header(headers, CONTENT_TYPE);
        let data = json_value(event.payload()).filter(|_| media.is_none_or(is_json));
        let given = extensions(headers);
        let of = |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let mut members = Members::with_capacity(256 + event.payload().len());
        let mut said = AttributeSet::default();
        say(event, &self.source, |attribute, text| {
            said.insert(attribute);
            members.add(attribute.name(), of(attribute.name()).unwrap_or(text));
        })?;
        let is_new = |name: &str| !Attribute::of(name).is_some_and(|attribute| said.contains(attribute));
        given.iter().filter(|(name, _)| is_new(name)).for_each(|(name, text)| members.add(name, text));
        if let Some(media) = media {
            members.add(DATA_CONTENT_TYPE, media);
        }
        match data {
            Some(data) => members.add("data", data),
            None => members.add("data_base64", &BASE64_STANDARD.encode(event.payload())),
        }
        members.end().map_err(|error| not_read(FORMAT, &error))
    }

    fn headers(&self, own: &Headers) -> Headers {
        let mut headers = Headers::new();
        if text_header(own, CONTENT_TYPE).is_none() {
            headers.push(CONTENT_TYPE, Some(Bytes::from_static(MEDIA_TYPE.as_bytes())));
            headers.append(own);
        } else {
            headers.append(own);
            replace_first(&mut headers, CONTENT_TYPE, Bytes::from_static(MEDIA_TYPE.as_bytes()));
        }
        headers
    }

    fn read(&self, topic: &TopicName, record: &Record) -> Result<Envelope, CodecError> {
        let value = record.value.clone().unwrap_or_default();
        if let Some(media) = structured(&record.headers).filter(|media| !is_event(media)) {
            let why =
                format!("{media} is not read: have the producer write {MEDIA_TYPE}, one event a record");
            return Err(malformed(FORMAT, why));
        }
        let document = Document::read(&value)?;
        let event = document.attributes.envelope(FORMAT, topic, record)?;
        let left = document.attributes.left_over(&event, &self.source);
        let headers = restored(&record.headers, &document, left);
        Ok(event.with_payload(document.payload(&value)?).with_headers(headers))
    }
}

/// The content type says that the value is one event in JSON.
fn is_event(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or(media).trim();
    media.eq_ignore_ascii_case(MEDIA_TYPE) || media.eq_ignore_ascii_case("application/cloudevents")
}

fn replace_first(headers: &mut Headers, name: &str, value: Bytes) {
    let mut value = Some(value);
    let replaced = headers.iter().map(|(known, old)| {
        let new = (known == name).then(|| value.take()).flatten();
        (known, new.or_else(|| old.map(Bytes::copy_from_slice)))
    });
    *headers = replaced.collect();
}

/// The envelope's headers: those of the record with the content type of the data in place of the event's, and without
/// what repeats an attribute; then the attributes that no field holds.
fn restored(wire: &Headers, document: &Document<'_>, left: AttributeSet) -> Headers {
    let mut media = document.content_type.as_deref();
    let mut headers = Headers::new();
    for (name, value) in wire.iter() {
        if name.eq_ignore_ascii_case(CONTENT_TYPE) && value.is_some_and(is_media) {
            if let Some(media) = media.take() {
                headers.push(name, Some(Bytes::copy_from_slice(media.as_bytes())));
            }
            continue;
        }
        let repeats = Binding::Kafka.attribute(name).is_some_and(|attribute| {
            let said = document.attributes.get(attribute).map(str::as_bytes);
            !left.contains(attribute) && said.is_some() && said == value
        });
        if !repeats {
            headers.push(name, value.map(Bytes::copy_from_slice));
        }
    }
    let media = media.map(|media| (CONTENT_TYPE.into(), media));
    let kept = Attribute::ALL.into_iter().filter(|attribute| left.contains(*attribute));
    let kept = kept.filter_map(|it| Some((Binding::Kafka.header(it.name()), document.attributes.get(it)?)));
    let extensions = document.extensions.iter().map(|(name, text)| (Binding::Kafka.header(name), &**text));
    let more: Vec<(compact_str::CompactString, &str)> =
        media.into_iter().chain(kept).chain(extensions).collect();
    if more.is_empty() {
        return headers;
    }
    let mut known: HashMap<&str, Option<&[u8]>> = HashMap::new();
    for (name, value) in headers.iter() {
        known.entry(name).or_insert(value);
    }
    let absent: Vec<_> =
        more.iter().filter(|(name, text)| known.get(&**name) != Some(&Some(text.as_bytes()))).collect();
    for (name, text) in absent {
        headers.push(name, Some(Bytes::copy_from_slice(text.as_bytes())));
    }
    headers
}

impl Codec for CloudEventsJson {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        if tombstone::is_written(envelope)? {
            return self.tombstones.encode(envelope, record);
        }
        let own = envelope.headers();
        if let Some(media) = structured(own) {
            let rule = "is the type of the payload: an event is written into no other event";
            return Err(Invalid::new(CONTENT_TYPE, rule, media).into());
        }
        record.value = Some(self.json(envelope)?.into());
        record.headers = self.headers(own);
        record.key = envelope.aggregate().map(|id| Bytes::copy_from_slice(id.as_str().as_bytes()));
        match own.iter().find(|(name, _)| Binding::Kafka.attribute(name).is_some()) {
            Some((header, _)) => comes_back(self, envelope, record, header),
            None => Ok(()),
        }
    }

    fn route(&self, record: &Record) -> Route {
        if tombstone::is_buried(record) {
            return self.tombstones.route(record);
        }
        let mut attributes = Attributes::default();
        // Where the value breaks off, what stands before is better than nothing, and the key is left.
        let _ = each_member(FORMAT, record.value.as_deref().unwrap_or_default(), &mut |name, value| {
            let attribute = Attribute::of(&name).filter(|attribute| is_routed_by(*attribute));
            if let Some((attribute, text)) = attribute.zip(string(value)) {
                attributes.set(attribute, text);
            }
            Ok(())
        });
        attributes.route(record)
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        if tombstone::is_buried(&record) {
            return self.tombstones.decode(topic, record);
        }
        self.read(topic, &record).map_err(|error| Box::new(Undecodable { record, error }))
    }
}

//! What is written, byte for byte. `LANEWAY_GOLDEN=write` writes the files anew; read the difference.

use std::fmt::Write;
use std::path::PathBuf;

use bytes::Bytes;
use laneway_codecs::{CloudEventsBinary, CloudEventsJson, FleetJson, tombstone};
use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, Codec, CorrelationId, Envelope, EventId, Record, TraceContext,
};
use uuid::Uuid;

use super::headers::paid;
use super::strategy::{TOPIC, source};

/// A record as text: key, headers, an empty line, the value. `~` is null, and what is not printable is escaped.
fn shown(record: &Record) -> String {
    let text =
        |bytes: Option<&[u8]>| bytes.map_or_else(|| "~".to_owned(), |bytes| bytes.escape_ascii().to_string());
    let mut shown = format!("key: {}\n", text(record.key.as_deref()));
    for (name, value) in record.headers.iter() {
        writeln!(shown, "{name}: {}", text(value)).unwrap();
    }
    // JSON is shown as it is: its quotes are no escapes.
    let value = record
        .value
        .as_deref()
        .map(|value| std::str::from_utf8(value).map_or_else(|_| text(Some(value)), str::to_owned));
    writeln!(shown, "\n{}", value.unwrap_or_else(|| "~".to_owned())).unwrap();
    shown
}

fn golden(name: &str, codec: &dyn Codec, event: &Envelope) {
    let mut record = Record::default();
    codec.encode(event, &mut record).unwrap();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let shown = shown(&record);
    if std::env::var_os("LANEWAY_GOLDEN").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(&path).unwrap(), "{name}");
    assert_eq!(&codec.decode(&TOPIC, record).unwrap(), event, "{name}");
}

fn full() -> Envelope {
    paid()
        .with_correlation(CorrelationId::new("req 7%").unwrap())
        .with_causation(CausationId::new("Zahlung-€").unwrap())
        .with_version(AggregateVersion::new(12).unwrap())
        .with_schema_version(3)
        .with_trace(TraceContext::new(TRACE, Some("vendor=a")).unwrap())
        .with_header("content-type", Some("application/json; charset=utf-8".into()))
        .with_header("null", None)
        .with_header("bytes", Some(Bytes::from_static(&[0, 0xff])))
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn events_are_written_as_before() {
    let bare = Envelope::new(TOPIC, Bytes::from_static(&[0xff, 0]))
        .with_id(EventId::new(Uuid::from_u128(1)).unwrap());
    let kafka = CloudEventsBinary::kafka(source());
    golden("kafka-full.txt", &kafka, &full());
    golden("kafka-bare.txt", &kafka, &bare);
    golden("nats-full.txt", &CloudEventsBinary::nats(source()), &full());
    let json = CloudEventsJson::new(source());
    golden("json-full.txt", &json, &full());
    golden("json-bare.txt", &json, &bare);
    golden("fleet-full.txt", &FleetJson, &full());
    let gone = tombstone(TOPIC, AggregateId::new("order:42").unwrap()).with_id(paid().id().unwrap());
    golden("kafka-tombstone.txt", &kafka, &gone);
}

/// The sample of the fleet's envelope.
const SAMPLE: &str = r#"{"event_id":"0190d9c2-6c3e-7b3a-9a51-3f3d6a1e0b01","aggregate_id":"order:42","event_type":"OrderPaid","event_version":3,"timestamp":"2026-03-01T10:15:30.123456789Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","correlation_id":"req-7","tenant_id":7,"payload":{"amount":1250,"currency":"EUR"}}"#;

#[test]
fn the_fleets_own_envelope_is_written_as_the_fleet_writes_it() {
    // As on JetStream, where the fleet sets no headers, and as on Kafka.
    let bare = Record { value: Some(SAMPLE.into()), ..Record::default() };
    let event = FleetJson.decode(&TOPIC, bare).unwrap();
    golden("fleet-sample.txt", &FleetJson, &event);
    let mut record = Record::default();
    FleetJson.encode(&event, &mut record).unwrap();
    assert_eq!(record.value.as_deref(), Some(SAMPLE.as_bytes()));
    assert_eq!(FleetJson.decode(&TOPIC, record).unwrap(), event);
}

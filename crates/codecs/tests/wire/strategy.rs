//! Envelopes and records of any kind.

use bytes::Bytes;
use laneway_codecs::{CloudEventsBinary, CloudEventsJson, Detecting, FleetJson, Format, Source};
use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, Codec, CorrelationId, Envelope, EventId, EventType, Headers,
    Record, TenantId, Timestamp, TopicName, TraceContext,
};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use uuid::Uuid;

pub(super) const TOPIC: TopicName = TopicName::from_static("orders");
const FORMATS: [Format; 4] =
    [Format::CloudEventsKafka, Format::CloudEventsNats, Format::CloudEventsJson, Format::FleetJson];

pub(super) fn source() -> Source {
    Source::new("/shop").unwrap()
}

/// Each codec, alone and as the one that a detecting codec writes.
pub(super) fn codecs() -> Vec<Box<dyn Codec>> {
    let detecting = FORMATS.map(|format| Box::new(Detecting::writing(format, source())) as Box<dyn Codec>);
    let mut all = alone();
    all.extend(detecting);
    all
}

pub(super) fn alone() -> Vec<Box<dyn Codec>> {
    vec![
        Box::new(CloudEventsBinary::kafka(source())),
        Box::new(CloudEventsBinary::nats(source())),
        Box::new(CloudEventsJson::new(source())),
        Box::new(FleetJson),
    ]
}

/// Text as ids have it, from one character to the longest.
fn text(longest: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9:._/-]{1,24}",
        1 => "[ %\"\\\\üß€😀{}<>&A-Za-z]{1,16}",
        1 => Just("x".repeat(longest)),
    ]
}

fn trace() -> impl Strategy<Value = TraceContext> {
    let state =
        of(prop_oneof!["[a-z]{1,8}=[a-z0-9]{1,8}", Just(String::new()), Just("a=ü, b=\"%\"".to_owned())]);
    (1..u128::MAX, 1..u64::MAX, any::<u8>(), state).prop_map(|(trace, span, flags, state)| {
        TraceContext::new(&format!("00-{trace:032x}-{span:016x}-{flags:02x}"), state.as_deref()).unwrap()
    })
}

pub(super) fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        2 => vec(any::<u8>(), 0..64).prop_map(Bytes::from),
        3 => json().prop_map(Bytes::from),
    ]
}

fn json() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\{ \"a\" :[0-9]{1,9}, \"<ü>\":\\[1,  2\\] \\}",
        "\"[a-z ü😀]{0,9}\"",
        "[1-9][0-9]{0,9}(\\.[0-9]{1,3})?(e5)?",
        Just("null".to_owned()),
        Just("{\"specversion\":\"1.0\",\"event_id\":\"1\"}".to_owned()),
    ]
}

pub(super) fn value() -> impl Strategy<Value = Option<Bytes>> {
    weighted(0.8, prop_oneof![vec(any::<u8>(), 0..12), "[ -~ü€]{0,24}".prop_map(String::into_bytes)])
        .prop_map(|value| value.map(Bytes::from))
}

/// Names of headers that no format uses.
fn harmless() -> impl Strategy<Value = String> {
    prop_oneof![
        "x-[a-z]{1,6}",
        "[a-zü]{0,5}",
        Just("ce_extension".to_owned()),
        Just("ce-extension".to_owned())
    ]
}

/// Names of headers that some format uses.
fn used() -> impl Strategy<Value = String> {
    const NAMES: [&str; 14] = [
        "id",
        "source",
        "specversion",
        "type",
        "subject",
        "partitionkey",
        "time",
        "tenant",
        "correlationid",
        "aggregateversion",
        "schemaversion",
        "traceparent",
        "tracestate",
        "datacontenttype",
    ];
    const OTHERS: [&str; 20] = [
        "content-type",
        "Content-Type",
        "X-Event-ID",
        "X-Aggregate-ID",
        "x-aggregate-id",
        "Aggregate-ID",
        "X-Event-Version",
        "X-Event-Type",
        "X-Trace-ID",
        "X-Correlation-ID",
        "X-Tenant-ID",
        "X-Aggregate-Version",
        "X-Causation-ID",
        "traceparent",
        "tracestate",
        "aggregateID",
        "aggregate_id",
        "AggregateID",
        "laneway-tombstone",
        "CE-Id",
    ];
    let prefixed = (prop_oneof![Just("ce_"), Just("ce-")], proptest::sample::select(&NAMES[..]));
    prop_oneof![
        prefixed.prop_map(|(prefix, name)| format!("{prefix}{name}")),
        proptest::sample::select(&OTHERS[..]).prop_map(str::to_owned),
    ]
}

/// Values that mean something where a format looks.
fn meant() -> impl Strategy<Value = Option<Bytes>> {
    const VALUES: [&str; 14] = [
        "1.0",
        "0.3",
        "/shop",
        "/other",
        "order:42",
        "42",
        "7",
        "0",
        "application/json",
        "text/plain",
        "application/cloudevents+json",
        "2026-03-01T10:15:30Z",
        "laneway.untyped",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ];
    prop_oneof![value(), proptest::sample::select(&VALUES[..]).prop_map(|text| Some(Bytes::from(text)))]
}

pub(super) fn quiet_headers() -> impl Strategy<Value = Headers> {
    vec((harmless(), value()), 0..4).prop_map(Headers::from_iter)
}

pub(super) fn loud_headers() -> impl Strategy<Value = Headers> {
    vec((prop_oneof![1 => harmless(), 3 => used()], meant()), 0..6).prop_map(Headers::from_iter)
}

/// What every format carries: a producer has stamped it, and the fleet takes its ids.
pub(super) fn plain(payload: impl Strategy<Value = Bytes>) -> impl Strategy<Value = Envelope> {
    let who = ("[A-Za-z0-9:_./-]{1,40}", text(256), 1..u32::MAX, any::<i64>(), weighted(0.5, 1..i64::MAX));
    let rare = (of(text(256)), of(text(256)), of(1..u64::MAX), of(trace()), quiet_headers());
    (1..u128::MAX, who, rare, payload).prop_map(|(id, who, rare, payload)| {
        let (aggregate, of, schema, at, tenant) = who;
        let (correlation, causation, version, trace, headers) = rare;
        let event = Envelope::new(TOPIC, payload)
            .with_id(EventId::new(Uuid::from_u128(id)).unwrap())
            .with_aggregate(AggregateId::new(aggregate).unwrap())
            .with_event_type(EventType::new(&of).unwrap())
            .with_schema_version(schema)
            .with_occurred_at(Timestamp::from_unix_nanos(at))
            .with_headers(headers);
        let event = tenant.into_iter().fold(event, |event, id| event.with_tenant(TenantId::of_number(id)));
        let event = correlation
            .iter()
            .fold(event, |event, id| event.with_correlation(CorrelationId::new(id).unwrap()));
        let event =
            causation.iter().fold(event, |event, id| event.with_causation(CausationId::new(id).unwrap()));
        let event = version
            .into_iter()
            .fold(event, |event, version| event.with_version(AggregateVersion::new(version).unwrap()));
        trace.into_iter().fold(event, Envelope::with_trace)
    })
}

trait OfNumber {
    fn of_number(id: i64) -> TenantId;
}

impl OfNumber for TenantId {
    fn of_number(id: i64) -> TenantId {
        TenantId::new(id.to_string()).unwrap()
    }
}

/// Any envelope at all, most of which some format refuses.
pub(super) fn any_event() -> impl Strategy<Value = Envelope> {
    let fields = (of(any::<u128>()), of(text(256)), of(text(256)), 0..3u32, of(any::<i64>()));
    (fields, of(text(128)), of(trace()), loud_headers(), payload()).prop_map(
        |(fields, tenant, trace, headers, payload)| {
            let (id, aggregate, of, schema, at) = fields;
            let mut event = Envelope::new(TOPIC, payload).with_schema_version(schema).with_headers(headers);
            event = id
                .and_then(|id| EventId::new(Uuid::from_u128(id)))
                .into_iter()
                .fold(event, Envelope::with_id);
            event =
                aggregate.iter().fold(event, |event, id| event.with_aggregate(AggregateId::new(id).unwrap()));
            event = of.iter().fold(event, |event, of| event.with_event_type(EventType::new(of).unwrap()));
            event = at.map(Timestamp::from_unix_nanos).into_iter().fold(event, Envelope::with_occurred_at);
            event = tenant.iter().fold(event, |event, id| event.with_tenant(TenantId::new(id).unwrap()));
            trace.into_iter().fold(event, Envelope::with_trace)
        },
    )
}

/// JSON that is nearly an event.
fn nearly() -> impl Strategy<Value = Bytes> {
    const NAMES: [&str; 20] = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "partitionkey",
        "time",
        "tenant",
        "data",
        "data_base64",
        "event_id",
        "aggregate_id",
        "event_type",
        "event_version",
        "timestamp",
        "tenant_id",
        "payload",
        "trace_id",
        "extension",
        "datacontenttype",
    ];
    const VALUES: [&str; 15] = [
        "\"1.0\"",
        "\"/shop\"",
        "\"order:42\"",
        "\"\\u0061\"",
        "7",
        "0",
        "-1",
        "1.5",
        "null",
        "true",
        "{\"a\":[1]}",
        "[]",
        "\"2026-03-01T10:15:30Z\"",
        "\"\"",
        "\"YQ==\"",
    ];
    const EVENTS: [&[(&str, &str)]; 3] = [
        &[],
        &[("specversion", "\"1.0\""), ("id", "\"1\""), ("source", "\"/a\""), ("type", "\"t\"")],
        &[
            ("event_id", "\"1\""),
            ("aggregate_id", "\"a\""),
            ("event_type", "\"t\""),
            ("event_version", "1"),
            ("payload", "[]"),
        ],
    ];
    let member = (proptest::sample::select(&NAMES[..]), proptest::sample::select(&VALUES[..]));
    let members = (proptest::sample::select(&EVENTS[..]), vec(member, 0..5), weighted(0.9, Just(())));
    let members = members.prop_map(|(event, more, no_twins)| {
        let others = event
            .iter()
            .filter(|(name, _)| no_twins.is_none() || more.iter().all(|(known, _)| known != name));
        let members: Vec<_> =
            others.chain(&more).map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    (members, weighted(0.1, any::<prop::sample::Index>())).prop_map(|(json, cut)| {
        let len = cut.map_or(json.len(), |cut| cut.index(json.len()));
        Bytes::from(json).slice(..len)
    })
}

/// Headers of an event, and others between them.
fn headers_of_events() -> impl Strategy<Value = Headers> {
    const EVENTS: [&[(&str, &str)]; 5] = [
        &[],
        &[("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/a"), ("ce_type", "t")],
        &[("ce-specversion", "1.0"), ("CE-Id", "1"), ("ce-source", "/a"), ("ce-type", "%74")],
        &[("X-Event-ID", "1"), ("X-Aggregate-ID", "a"), ("X-Event-Type", "t")],
        &[("content-type", "application/cloudevents+json")],
    ];
    (proptest::sample::select(&EVENTS[..]), loud_headers()).prop_map(|(event, more)| {
        let mut headers: Headers =
            event.iter().map(|(name, text)| (*name, Some(Bytes::from_static(text.as_bytes())))).collect();
        headers.append(&more);
        headers
    })
}

/// Any record at all, among them many that decode.
pub(super) fn any_record() -> impl Strategy<Value = Record> {
    let value = prop_oneof![3 => nearly().prop_map(Some), 1 => value()];
    let headers = prop_oneof![1 => loud_headers(), 3 => headers_of_events(), 1 => quiet_headers()];
    (of(vec(any::<u8>(), 0..6)), of("[a-z]{0,6}"), value, headers).prop_map(
        |(bytes, text, value, headers)| {
            let key = text.map(Bytes::from).or(bytes.map(Bytes::from));
            Record { key, value, headers }
        },
    )
}

use bytes::Bytes;
use laneway_codecs::{CloudEventsBinary, CloudEventsJson, Detecting, FleetJson, Format};
use laneway_domain::{
    AggregateId, Codec, Envelope, EventId, EventType, Headers, Record, TenantId, Timestamp, TraceContext,
};
use uuid::Uuid;

use super::strategy::{TOPIC, alone, source};

pub(super) fn paid() -> Envelope {
    Envelope::new(TOPIC, r#"{"amount":1250}"#)
        .with_id(EventId::new(Uuid::from_u128(0x0190_d9c2_6c3e_7b3a_9a51_3f3d_6a1e_0b01)).unwrap())
        .with_aggregate(AggregateId::new("order:42").unwrap())
        .with_event_type(EventType::from_static("OrderPaid"))
        .with_occurred_at(Timestamp::from_unix_nanos(1_772_360_130_123_456_789))
        .with_tenant(TenantId::new("7").unwrap())
}

fn refusal(codec: &dyn Codec, event: &Envelope) -> String {
    let Err(error) = codec.encode(event, &mut Record::default()) else { panic!("{codec:?} takes {event:?}") };
    error.to_string()
}

#[test]
fn null_empty_repeated_and_non_utf8_headers_come_back_in_order() {
    let headers: Headers = [
        ("a", Some(Bytes::from_static(&[0xff, 0]))),
        ("b", None),
        ("a", Some(Bytes::new())),
        ("ce_extension", None),
        ("a", Some("1".into())),
        ("ce_extension", Some("x".into())),
        ("", Some("nameless".into())),
    ]
    .into_iter()
    .collect();
    for codec in alone() {
        let event = paid().with_headers(headers.clone());
        let mut record = Record::default();
        codec.encode(&event, &mut record).unwrap();
        assert_eq!(codec.decode(&TOPIC, record).unwrap(), event, "{codec:?}");
    }
}

#[test]
fn a_header_that_the_format_writes_itself_is_refused_by_its_name() {
    let kafka = CloudEventsBinary::kafka(source());
    for (name, value) in
        [("ce_type", "OrderPaid"), ("ce_id", "other"), ("ce_source", "/shop"), ("ce_tenant", "8")]
    {
        let error = refusal(&kafka, &paid().with_header(name, Some(value.into())));
        assert!(error.contains("is a name that the format uses") && error.contains(name), "{error}");
    }
    let nats = CloudEventsBinary::nats(source());
    assert!(refusal(&nats, &paid().with_header("CE-Type", None)).contains("CE-Type"));
    assert!(refusal(&nats, &paid().with_header("content-type", None)).contains("is text on NATS"));
    let json = CloudEventsJson::new(source());
    assert!(refusal(&json, &paid().with_header("ce_time", Some("now".into()))).contains("ce_time"));
    for (name, value) in
        [("X-Event-ID", "other"), ("X-Tenant-ID", "8"), ("X-Event-Type", ""), ("traceparent", TRACE)]
    {
        let error = refusal(&FleetJson, &paid().with_header(name, Some(value.into())));
        assert!(error.contains("is a name that the format uses") && error.contains(name), "{error}");
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn an_event_inside_of_an_event_is_refused() {
    let event = paid().with_header("Content-Type", Some("application/CloudEvents+json".into()));
    for codec in [&CloudEventsBinary::kafka(source()) as &dyn Codec, &CloudEventsJson::new(source())] {
        assert!(refusal(codec, &event).contains("is the type of the payload"));
    }
}

#[test]
fn a_detecting_codec_refuses_what_it_would_take_for_another_format() {
    let fleet = Detecting::writing(Format::FleetJson, source());
    let error = refusal(&fleet, &paid().with_header("ce_specversion", None));
    assert!(
        error.contains("look like one of another format") && error.contains("CloudEventsKafka"),
        "{error}"
    );
}

#[test]
fn what_was_never_stamped_is_refused_with_what_to_do() {
    let event = Envelope::new(TOPIC, "{}").with_aggregate(AggregateId::new("a").unwrap());
    let event = event.with_event_type(EventType::from_static("t"));
    for codec in alone() {
        assert!(refusal(&*codec, &event).contains("is stamped before an event is written"), "{codec:?}");
    }
}

#[test]
fn what_the_fleet_would_not_take_is_refused_with_its_rule() {
    let event = |id: &str| {
        let event = Envelope::new(TOPIC, "{}").with_id(EventId::new(Uuid::from_u128(1)).unwrap());
        let event = event.with_aggregate(AggregateId::new(id).unwrap());
        event.with_event_type(EventType::from_static("t")).with_occurred_at(Timestamp::default())
    };
    let tenant = |id: &str| event("a").with_tenant(TenantId::new(id).unwrap());
    for (event, rule) in [
        (event("größe"), "has only A-Z a-z 0-9"),
        (event("a b"), "has only A-Z a-z 0-9"),
        (tenant("acme"), "is an integer other than 0"),
        (tenant("0"), "is an integer other than 0"),
        (tenant("007"), "is an integer other than 0"),
        (event("a").with_payload(" {}"), "is one JSON value without white space"),
        (event("a").with_payload(""), "is one JSON value without white space"),
        (event("a").with_schema_version(0), "is at least 1"),
        (Envelope::new(TOPIC, "{}"), "is required by the fleet's envelope"),
    ] {
        let error = refusal(&FleetJson, &event);
        assert!(error.contains(rule), "{error}");
    }
}

#[test]
fn an_event_without_a_type_has_one_on_the_wire_and_none_when_read() {
    let codec = CloudEventsBinary::kafka(source());
    let event = Envelope::new(TOPIC, "x").with_id(EventId::new(Uuid::from_u128(1)).unwrap());
    let mut record = Record::default();
    codec.encode(&event, &mut record).unwrap();
    assert_eq!(record.headers.first("ce_type"), Some(Some(&b"laneway.untyped"[..])));
    assert_eq!(codec.route(&record).event_type, None);
    assert_eq!(codec.decode(&TOPIC, record).unwrap(), event);
    let event = event.with_event_type(EventType::from_static("laneway.untyped"));
    assert!(refusal(&codec, &event).contains("event_type"));
}

#[test]
fn a_trace_context_is_the_fleets_trace_and_comes_back_whole() {
    let event = paid().with_trace(TraceContext::new(TRACE, Some("a=b")).unwrap());
    let mut record = Record::default();
    FleetJson.encode(&event, &mut record).unwrap();
    let text = String::from_utf8(record.value.clone().unwrap().to_vec()).unwrap();
    assert!(text.contains(r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#), "{text}");
    assert_eq!(record.headers.first("X-Trace-ID"), Some(Some(&b"4bf92f3577b34da6a3ce929d0e0e4736"[..])));
    assert_eq!(FleetJson.decode(&TOPIC, record).unwrap(), event);
}

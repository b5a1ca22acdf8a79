//! Events of other systems: what no field holds is kept, and written back as it came.

use bytes::Bytes;
use laneway_codecs::{CloudEventsBinary, CloudEventsJson, Detecting, FleetJson, Format};
use laneway_domain::{AggregateId, Codec, Envelope, Headers, Record, Route, TenantId};

use super::strategy::{TOPIC, source};

fn record(key: Option<&str>, headers: &[(&str, &str)], value: &str) -> Record {
    let headers = headers.iter().map(|(name, value)| (*name, Some(Bytes::copy_from_slice(value.as_bytes()))));
    Record {
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: headers.collect(),
    }
}

fn kept(event: &Envelope) -> Vec<(&str, &str)> {
    event.headers().iter().map(|(name, value)| (name, std::str::from_utf8(value.unwrap()).unwrap())).collect()
}

fn sorted(headers: &Headers) -> Vec<(String, Option<Vec<u8>>)> {
    let mut all: Vec<_> =
        headers.iter().map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec))).collect();
    all.sort();
    all
}

const ID: &str = "A234-1234-1234";

#[test]
fn ids_sources_subjects_and_extensions_of_others_are_written_back() {
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", ID),
        ("ce_source", "/mycontext"),
        ("ce_type", "com.example.someevent"),
        ("ce_subject", "larger-context"),
        ("ce_partitionkey", "customer-7"),
        ("ce_comexampleothervalue", "5"),
        ("ce_dataschema", "https://example.com/schema"),
        ("ce_traceparent", "nonsense"),
        ("content-type", "application/avro"),
    ];
    let codec = CloudEventsBinary::kafka(source());
    let came = record(Some("customer-7"), &headers, "\u{1}");
    let event = codec.decode(&TOPIC, came.clone()).unwrap();
    assert_eq!(event.aggregate().map(AggregateId::as_str), Some("customer-7"));
    assert_eq!(event.id().unwrap().uuid().get_version_num(), 5);
    assert_eq!(event.trace(), None);
    let names: Vec<_> = kept(&event).into_iter().map(|(name, _)| name).collect();
    let foreign = [
        "ce_id",
        "ce_source",
        "ce_subject",
        "ce_comexampleothervalue",
        "ce_dataschema",
        "ce_traceparent",
        "content-type",
    ];
    assert_eq!(names, foreign);
    let mut back = Record::default();
    codec.encode(&event, &mut back).unwrap();
    assert_eq!(sorted(&back.headers), sorted(&came.headers));
    assert_eq!((back.key, back.value), (came.key, came.value));
}

#[test]
fn one_id_of_two_sources_is_two_events_and_of_one_is_one() {
    let id = |source_of: &str| {
        let headers = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", source_of), ("ce_type", "t")];
        CloudEventsBinary::kafka(source()).decode(&TOPIC, record(None, &headers, "")).unwrap().id().unwrap()
    };
    assert_eq!(id("/a"), id("/a"));
    assert_ne!(id("/a"), id("/b"));
}

#[test]
fn the_aggregate_is_the_partition_key_then_the_subject_then_the_key() {
    let codec = CloudEventsBinary::kafka(source());
    let of = |more: &[(&str, &str)], key: &[u8]| {
        let must = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "/a"), ("ce_type", "t")];
        let mut record = record(None, &[&must[..], more].concat(), "");
        record.key = Some(Bytes::copy_from_slice(key));
        let route = codec.route(&record).aggregate;
        assert_eq!(codec.decode(&TOPIC, record).unwrap().aggregate(), route.as_ref());
        route.map(|id| id.as_str().to_owned())
    };
    assert_eq!(of(&[("ce_subject", "s"), ("ce_partitionkey", "p")], b"k").as_deref(), Some("p"));
    assert_eq!(of(&[("ce_subject", "s")], b"k").as_deref(), Some("s"));
    assert_eq!(of(&[], b"k").as_deref(), Some("k"));
    assert_eq!(of(&[], &[0xff]), None);
    assert_eq!(of(&[], b""), None);
}

#[test]
fn a_structured_event_of_others_keeps_its_extensions_and_its_content_type() {
    let value = r#"{"specversion" : "1.0", "type" : "com.example.someevent", "source" : "/mycontext",
        "subject": null, "id" : "B234-1234-1234", "time" : "2018-04-05T17:31:00Z", "comexampleextension1" : "value",
        "comexampleothervalue" : 5, "unsetextension": null, "datacontenttype" : "application/xml",
        "data" : "<much wow=\"xml\"/>"}"#;
    let codec = CloudEventsJson::new(source());
    let headers = [("x", "1"), ("content-type", "application/cloudevents+json; charset=UTF-8")];
    let event = codec.decode(&TOPIC, record(Some("k"), &headers, value)).unwrap();
    assert_eq!(event.payload(), r#"<much wow="xml"/>"#);
    let expected = [
        ("x", "1"),
        ("content-type", "application/xml"),
        ("ce_id", "B234-1234-1234"),
        ("ce_source", "/mycontext"),
        ("ce_comexampleextension1", "value"),
        ("ce_comexampleothervalue", "5"),
    ];
    assert_eq!(kept(&event), expected);
    let mut back = Record::default();
    codec.encode(&event, &mut back).unwrap();
    let text = String::from_utf8(back.value.clone().unwrap().to_vec()).unwrap();
    for member in [
        r#""id":"B234-1234-1234""#,
        r#""source":"/mycontext""#,
        r#""comexampleothervalue":"5""#,
        r#""datacontenttype":"application/xml""#,
    ] {
        assert!(text.contains(member), "{text}");
    }
    assert_eq!(codec.decode(&TOPIC, back).unwrap(), event);
}

#[test]
fn the_fleets_ids_and_traces_are_written_back() {
    let value = r#"{"event_id":"order-paid-1","aggregate_id":"order:42","event_type":"OrderPaid","event_version":3,"timestamp":"2026-03-01T10:15:30.5Z","trace_id":"t-1","payload":{ "amount": 1250 }}"#;
    let event = FleetJson.decode(&TOPIC, record(None, &[], value)).unwrap();
    assert_eq!(kept(&event), [("X-Event-ID", "order-paid-1"), ("X-Trace-ID", "t-1")]);
    let mut back = Record::default();
    FleetJson.encode(&event, &mut back).unwrap();
    assert_eq!(back.value.as_deref(), Some(value.as_bytes()));
    assert_eq!(FleetJson.decode(&TOPIC, back).unwrap(), event);
}

#[test]
fn the_fleets_aggregate_is_that_of_the_envelope_then_of_a_header_then_the_key() {
    let of = |field: &str, headers: &[(&str, &str)]| {
        let value = format!(r#"{{"event_id":"1",{field}"event_type":"t","event_version":1,"payload":1}}"#);
        let record = record(Some("key"), headers, &value);
        let route = FleetJson.route(&record).aggregate;
        assert_eq!(FleetJson.decode(&TOPIC, record).unwrap().aggregate(), route.as_ref());
        route.unwrap().as_str().to_owned()
    };
    let lower = [("aggregate-id", "d"), ("Aggregate-ID", "c"), ("x-aggregate-id", "b")];
    assert_eq!(of(r#""aggregate_id":"e","#, &lower), "e");
    assert_eq!(of("", &[&lower[..], &[("X-Aggregate-ID", "a")]].concat()), "a");
    assert_eq!(of(r#""aggregate_id":"","#, &lower), "b");
    assert_eq!(of("", &lower[..2]), "c");
    assert_eq!(of("", &lower[..1]), "d");
    assert_eq!(of("", &[("aggregate-id", "")]), "key");
}

#[test]
fn regular_messages_of_the_fleet_are_plain_bytes_with_metadata() {
    for (headers, id) in [
        (&[("aggregateID", "a"), ("aggregate_id", "b")][..], "a"),
        (&[("AggregateID", "c"), ("aggregate_id", "b")], "b"),
        (&[("AggregateID", "c"), ("aggregate-id", "d")], "c"),
        (&[("AggregateID", "")], "key"),
    ] {
        let record = record(Some("key"), headers, "not { JSON");
        assert_eq!(FleetJson.route(&record).aggregate.unwrap().as_str(), id);
        let event = FleetJson.decode(&TOPIC, record).unwrap();
        assert_eq!((event.aggregate().unwrap().as_str(), event.payload().as_ref()), (id, &b"not { JSON"[..]));
        assert_eq!(kept(&event), headers);
    }
}

#[test]
fn the_fleets_lane_is_found_in_the_headers_without_the_envelope() {
    let headers = [("X-Event-ID", "1"), ("X-Aggregate-ID", "a"), ("X-Event-Type", "t"), ("X-Tenant-ID", "7")];
    let route = FleetJson.route(&record(None, &headers, "this is never looked at"));
    let event_type = Some(laneway_domain::EventType::from_static("t"));
    let expected =
        Route { aggregate: AggregateId::new("a").ok(), tenant: TenantId::new("7").ok(), event_type };
    assert_eq!(route, expected);
}

#[test]
fn a_detecting_codec_knows_each_format_with_and_without_its_headers() {
    let codec = Detecting::writing(Format::CloudEventsKafka, source());
    let fleet = r#"{"aggregate_id":"a","event_id":"1"}"#;
    let json = r#" {"id":"1","specversion":"1.0"}"#;
    for (headers, value, format) in [
        (&[("ce_specversion", "1.0")][..], fleet, Some(Format::CloudEventsKafka)),
        (&[("CE-SpecVersion", "1.0")], fleet, Some(Format::CloudEventsNats)),
        (
            &[("content-type", "application/cloudevents+json"), ("ce_specversion", "1.0")],
            "",
            Some(Format::CloudEventsJson),
        ),
        (&[("X-Event-ID", "1")], "", Some(Format::FleetJson)),
        (&[("aggregateID", "1")], "", Some(Format::FleetJson)),
        (&[], fleet, Some(Format::FleetJson)),
        (&[], json, Some(Format::CloudEventsJson)),
        (&[], "[1]", None),
        (&[], "{\"a\":1}", None),
        (&[], "", None),
    ] {
        assert_eq!(codec.detect(&record(None, headers, value)), format, "{headers:?} {value}");
    }
}

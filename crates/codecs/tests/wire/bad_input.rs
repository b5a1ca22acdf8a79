//! Records that do not decode: each says why and what to do, and comes back as it was.

use bytes::Bytes;
use laneway_codecs::{CloudEventsBinary, CloudEventsJson, Detecting, FleetJson, Format};
use laneway_domain::{Codec, Record};

use super::strategy::{TOPIC, source};

fn refused(codec: &dyn Codec, record: &Record, why: &str) {
    let _ = codec.route(record);
    let undecodable = codec.decode(&TOPIC, record.clone()).unwrap_err();
    let text = undecodable.error.to_string();
    assert!(text.contains(why), "`{text}` does not say `{why}`");
    assert!(text.len() < 600, "{text}");
    assert_eq!(&undecodable.record, record);
}

#[test]
fn a_binary_event_that_breaks_a_rule_says_which() {
    const LONG: &[u8] = &[b'x'; 257];
    let good: [(&str, &[u8]); 4] =
        [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/a"), ("ce_type", b"t")];
    let cases: [(&str, Option<&[u8]>, &str); 19] = [
        (
            "ce_specversion",
            None,
            "specversion is missing, so this is no CloudEvent: read the topic with the codec",
        ),
        ("ce_specversion", Some(b"0.3"), "specversion is 0.3, and 1.0 is read: have the producer write 1.0"),
        ("ce_specversion", Some(b"2.0"), "specversion is 2.0, and 1.0 is read"),
        ("ce_id", None, "id is missing, which CloudEvents requires of the producer"),
        ("ce_id", Some(b""), "id is missing"),
        ("ce_id", Some(b"\xff"), "header ce_id is not UTF-8"),
        ("ce_source", None, "source is missing"),
        ("ce_type", None, "type is missing"),
        ("ce_type", Some(LONG), "event_type: has at most 256 bytes"),
        ("ce_subject", Some(LONG), "aggregate_id: has at most 256 bytes"),
        ("ce_subject", Some(b""), "aggregate_id: is not empty"),
        ("ce_partitionkey", Some(b"a\nb"), "aggregate_id: has no control characters"),
        ("ce_time", Some(b"yesterday"), "time is no RFC 3339 time between 1678 and 2262: yesterday"),
        ("ce_tenant", Some(b""), "tenant: is not empty"),
        ("ce_correlationid", Some(LONG), "correlation_id: has at most 256 bytes"),
        ("ce_causationid", Some(LONG), "causation_id: has at most 256 bytes"),
        ("ce_aggregateversion", Some(b"0"), "aggregateversion is no number from 1: 0"),
        ("ce_schemaversion", Some(b"0"), "schema_version: is at least 1"),
        ("ce_schemaversion", Some(b"v2"), "schemaversion is no number from 1: v2"),
    ];
    for (name, value, why) in cases {
        let value = value.map(Bytes::from_static);
        let rest = good.into_iter().filter(|(known, _)| *known != name);
        let rest = rest.map(|(name, value)| (name, Some(Bytes::from_static(value))));
        let headers = rest.chain([(name, value)]).collect();
        let record = Record { key: Some(Bytes::from_static(&[0xff])), value: Some("x".into()), headers };
        refused(&CloudEventsBinary::kafka(source()), &record, why);
    }
    let twice =
        good.into_iter().chain([good[1]]).map(|(name, value)| (name, Some(Bytes::from_static(value))));
    let record = Record { value: Some("x".into()), headers: twice.collect(), ..Record::default() };
    refused(&CloudEventsBinary::kafka(source()), &record, "header ce_id stands twice");
}

#[test]
fn a_structured_event_for_a_codec_of_binary_ones_says_who_reads_it() {
    let headers = [("content-type", Some("application/cloudevents+json".into()))].into_iter().collect();
    let record = Record { value: Some("{}".into()), headers, ..Record::default() };
    refused(&CloudEventsBinary::kafka(source()), &record, "read it with `CloudEventsJson` or `Detecting`");
}

fn value(json: impl Into<Bytes>) -> Record {
    Record { value: Some(json.into()), ..Record::default() }
}

#[test]
fn a_structured_event_that_breaks_a_rule_says_which() {
    let event = |more: &str| format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t"{more}}}"#);
    let deep = format!(r#","subject":{}1{}"#, "[".repeat(200_000), "]".repeat(200_000));
    for (json, why) in [
        (event("").replace("1.0", "0.3"), "specversion is 0.3, and 1.0 is read"),
        (event("").replace("1.0\"", "2.0\""), "specversion is 2.0"),
        (event("").replace("\"specversion\"", "\"version\""), "specversion is missing"),
        (event("").replace("\"id\"", "\"ID\""), "id is missing"),
        (event("").replace("\"/a\"", "null"), "source is missing"),
        (event(" trailing"), "the value is not what the format says"),
        (event("") + " {}", "trailing characters"),
        (event("").replace('}', ""), "EOF while parsing"),
        (String::new(), "EOF while parsing"),
        ("[]".to_owned(), "expected a JSON object"),
        ("null".to_owned(), "expected a JSON object"),
        (event(r#","subject":7"#), "subject is not a string"),
        (event(&deep), "subject is not a string"),
        (event(r#","extension":{"a":1}"#), "extension is an object or an array"),
        (event(r#","id":"2""#), "id stands twice"),
        (event(r#","extension":1,"other":2,"extension":1"#), "extension stands twice"),
        (event(r#","data":1,"data":1"#), "data stands twice"),
        (event(r#","data":null,"data_base64":"""#), "data and data_base64 exclude each other"),
        (event(r#","data_base64":"?""#), "data_base64: Invalid"),
        (event(r#","data_base64":5"#), "data_base64 is not a string"),
        (event(r#","time":"2026-02-30T00:00:00Z""#), "time is no RFC 3339 time"),
        (event(r#","subject":"\ud800""#), "subject is not a string"),
        (event(r#","subject":"\u0000""#), "aggregate_id: has no control characters"),
    ] {
        refused(&CloudEventsJson::new(source()), &value(json), why);
    }
    let bytes = [event("").as_bytes(), &[0xff]].concat();
    refused(&CloudEventsJson::new(source()), &value(bytes), "the value is not what the format says");
    let headers = [("content-type", Some("application/cloudevents-batch+json".into()))].into_iter().collect();
    let batch = Record { headers, ..value("[]") };
    refused(&CloudEventsJson::new(source()), &batch, "application/cloudevents-batch+json is not read");
}

#[test]
fn an_envelope_of_the_fleet_that_breaks_a_rule_says_which() {
    const GOOD: &str =
        r#"{"event_id":"1","aggregate_id":"a","event_type":"t","event_version":1,"payload":{}}"#;
    let with = |from: &str, to: &str| GOOD.replace(from, to);
    let deep = format!("{}{}", "{\"a\":".repeat(200_000), "}".repeat(199_999));
    let cases = [
        (with(r#""event_id":"1","#, ""), "event_id is missing, which the fleet's envelope requires"),
        (with(r#""event_id":"1","#, r#""event_id":"","#), "event_id is missing"),
        (with(r#""aggregate_id":"a","#, ""), "aggregate_id is missing"),
        (with(r#""event_type":"t","#, ""), "event_type is missing"),
        (with(r#","payload":{}"#, ""), "payload is missing"),
        (with(r#""event_version":1"#, r#""event_version":0"#), "event_version is not between 1 and"),
        (with(r#""event_version":1"#, r#""event_version":-1"#), "event_version is not between 1 and"),
        (with(r#""event_version":1"#, r#""event_version":4294967296"#), "event_version is not between 1 and"),
        (with(r#""event_version":1"#, r#""event_version":1.5"#), "event_version is not an integer"),
        (with(r#""event_version":1"#, r#""event_version":"1""#), "event_version is not an integer"),
        (with("{}", r#"{},"tenant_id":99999999999999999999"#), "tenant_id is not an integer of 64 bits"),
        (with("{}", r#"{},"tenant_id":"7""#), "tenant_id is not an integer"),
        (with("{}", r#"{},"timestamp":"noon""#), "timestamp is no RFC 3339 time between 1678 and 2262: noon"),
        (with("{}", r#"{},"trace_id":7"#), "trace_id is not a string"),
        (with("{}", r#"{},"event_id":"1""#), "event_id stands twice"),
        (with("{}", r#"{},"payload":{}"#), "payload stands twice"),
        (with("\"a\"", "\"\\u0007\""), "aggregate_id: has no control characters"),
        (GOOD.to_owned() + "x", "trailing characters"),
        (with("{}}", "{}"), "EOF while parsing"),
        (with("{}", "{"), "the value is not what the format says"),
        (with("{}", &deep), "the value is not what the format says"),
        (r#"["1","a","t",1,{}]"#.to_owned(), "expected a JSON object"),
        ("plain".to_owned(), "the value is not what the format says"),
    ];
    for (json, why) in cases {
        refused(&FleetJson, &value(json), why);
    }
}

#[test]
fn headers_that_contradict_the_envelope_are_told() {
    const ENVELOPE: &str =
        r#"{"event_id":"1","aggregate_id":"a","event_type":"t","event_version":1,"tenant_id":7,"payload":1}"#;
    for (header, said) in
        [("X-Event-ID", "2"), ("X-Aggregate-ID", "b"), ("X-Event-Type", "u"), ("X-Tenant-ID", "8")]
    {
        let headers = [(header, Some(Bytes::from_static(said.as_bytes())))].into_iter().collect();
        let record = Record { headers, ..value(ENVELOPE) };
        refused(&FleetJson, &record, &format!("header {header} says {said} and the envelope"));
    }
    let headers =
        [("X-Aggregate-ID", Some("a".into())), ("X-Event-Type", Some("t".into()))].into_iter().collect();
    refused(
        &FleetJson,
        &Record { headers, ..value(ENVELOPE) },
        "header X-Tenant-ID says none and the envelope 7",
    );
}

#[test]
fn a_record_of_no_format_says_so_and_still_has_a_lane() {
    let codec = Detecting::writing(Format::CloudEventsKafka, source());
    let record = Record { key: Some("order:42".into()), ..value("plain") };
    assert_eq!(codec.route(&record).aggregate.unwrap().as_str(), "order:42");
    refused(&codec, &record, "this is neither a CloudEvent nor an envelope of the fleet");
    let broken = Record { key: Some("order:42".into()), ..value("{\"event_id\":") };
    for codec in [&CloudEventsJson::new(source()) as &dyn Codec, &FleetJson] {
        assert_eq!(codec.route(&broken).aggregate.unwrap().as_str(), "order:42");
    }
}

#[test]
fn a_hostile_number_of_members_and_headers_is_read_in_time() {
    use std::fmt::Write;
    let mut json = String::from(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t""#);
    for n in 0..50_000 {
        write!(json, r#","e{n}":"{n}""#).unwrap();
    }
    json.push('}');
    let headers = (0..50_000).map(|n| (format!("ce_e{n}"), Some(Bytes::from(n.to_string())))).collect();
    let record = Record { headers, ..value(json) };
    let codec = CloudEventsJson::new(source());
    let event = codec.decode(&TOPIC, record).unwrap();
    assert_eq!(event.headers().len(), 50_002);
    codec.encode(&event, &mut Record::default()).unwrap();
}

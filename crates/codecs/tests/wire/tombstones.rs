use bytes::Bytes;
use laneway_codecs::{
    CloudEventsBinary, CloudEventsJson, Detecting, FleetJson, Format, TOMBSTONE, TOMBSTONE_HEADER,
    is_tombstone, tombstone,
};
use laneway_domain::{AggregateId, Codec, EventId, EventType, Record, Timestamp};
use uuid::Uuid;

use super::strategy::{TOPIC, codecs, source};

fn order() -> AggregateId {
    AggregateId::new("order:42").unwrap()
}

#[test]
fn a_null_value_with_a_key_and_nothing_else_is_a_tombstone_of_its_aggregate() {
    for codec in codecs() {
        let record = Record { key: Some("order:42".into()), ..Record::default() };
        let route = codec.route(&record);
        let gone = codec.decode(&TOPIC, record).unwrap();
        assert!(is_tombstone(&gone), "{codec:?}");
        assert_eq!((gone.aggregate(), gone.event_type()), (Some(&order()), Some(&TOMBSTONE)));
        assert_eq!((route.aggregate, route.event_type), (Some(order()), Some(TOMBSTONE)));
    }
}

#[test]
fn a_tombstone_is_written_as_a_null_value_and_keeps_its_attributes() {
    let gone = tombstone(TOPIC, order())
        .with_event_type(EventType::from_static("OrderForgotten"))
        .with_id(EventId::new(Uuid::from_u128(1)).unwrap())
        .with_occurred_at(Timestamp::from_unix_millis(5));
    let detecting = Detecting::writing(Format::CloudEventsJson, source());
    let written: [Box<dyn Codec>; 4] = [
        Box::new(CloudEventsBinary::kafka(source())),
        Box::new(CloudEventsBinary::nats(source())),
        Box::new(CloudEventsJson::new(source())),
        Box::new(detecting),
    ];
    for codec in written {
        let mut record = Record::default();
        codec.encode(&gone, &mut record).unwrap();
        assert_eq!((record.value.clone(), record.key.clone()), (None, Some("order:42".into())));
        assert_eq!(codec.decode(&TOPIC, record.clone()).unwrap(), gone, "{codec:?}");
        // A broker without null values delivers an empty one.
        record.value = Some(Bytes::new());
        assert_eq!(codec.decode(&TOPIC, record).unwrap(), gone, "{codec:?}");
    }
}

#[test]
fn an_empty_value_is_no_tombstone() {
    let codec = CloudEventsBinary::kafka(source());
    let event = laneway_domain::Envelope::new(TOPIC, "").with_id(EventId::new(Uuid::from_u128(1)).unwrap());
    let mut record = Record::default();
    codec.encode(&event, &mut record).unwrap();
    assert_eq!(record.value, Some(Bytes::new()));
    assert!(!is_tombstone(&codec.decode(&TOPIC, record).unwrap()));
}

#[test]
fn a_marked_event_with_a_payload_is_refused_and_so_is_a_tombstone_for_the_fleet() {
    let id = EventId::new(Uuid::from_u128(1)).unwrap();
    let gone = tombstone(TOPIC, order()).with_id(id).with_occurred_at(Timestamp::from_unix_millis(5));
    let error = FleetJson.encode(&gone, &mut Record::default()).unwrap_err().to_string();
    assert!(error.contains("the fleet has no tombstones") && error.contains(TOMBSTONE_HEADER), "{error}");
    for codec in codecs() {
        let error =
            codec.encode(&gone.clone().with_payload("1"), &mut Record::default()).unwrap_err().to_string();
        assert!(error.contains("marks a tombstone, which has no payload"), "{codec:?}: {error}");
    }
}

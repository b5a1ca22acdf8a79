use bytes::Bytes;
use laneway_codecs::FleetJson;
use laneway_domain::{Codec, Envelope, Record, Route};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::strategy::{TOPIC, alone, any_event, any_record, codecs, payload, plain};

fn encoded(codec: &dyn Codec, event: &Envelope) -> Option<Record> {
    let mut record = Record::default();
    codec.encode(event, &mut record).is_ok().then_some(record)
}

fn said(event: &Envelope) -> Route {
    Route {
        aggregate: event.aggregate().cloned(),
        tenant: event.tenant().cloned(),
        event_type: event.event_type().cloned(),
    }
}

/// Sees that the record is that event again, takes the same lane, and is written the same.
fn comes_back(codec: &dyn Codec, event: &Envelope, record: &Record) -> Result<(), TestCaseError> {
    let read = codec.decode(&TOPIC, record.clone());
    let read = read.map_err(|error| TestCaseError::fail(format!("{codec:?}: {error}: {record:?}")))?;
    prop_assert_eq!(&read, event, "{:?}: {:?}", codec, record);
    prop_assert_eq!(codec.route(record), said(event), "{:?}: {:?}", codec, record);
    Ok(())
}

fn json_payload(payload: &Bytes) -> bool {
    let read: Result<&serde_json::value::RawValue, _> = serde_json::from_slice(payload);
    read.is_ok_and(|value| value.get().len() == payload.len())
}

/// The properties of records say something only where records decode.
#[test]
fn of_any_records_many_decode_in_each_format() {
    let mut runner = TestRunner::deterministic();
    let records: Vec<_> = (0..1_000).map(|_| any_record().new_tree(&mut runner).unwrap().current()).collect();
    for codec in codecs() {
        let decoded = records.iter().filter(|record| codec.decode(&TOPIC, (*record).clone()).is_ok()).count();
        assert!((50..950).contains(&decoded), "{codec:?}: {decoded} of 1000");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_field_comes_back(event in plain(payload())) {
        for codec in codecs() {
            let Some(record) = encoded(&*codec, &event) else {
                let fleet = format!("{codec:?}").contains("writes: FleetJson") || format!("{codec:?}") == "FleetJson";
                prop_assert!(fleet && !json_payload(event.payload()), "{:?} refuses {:?}", codec, event);
                continue;
            };
            comes_back(&*codec, &event, &record)?;
        }
    }

    #[test]
    fn what_does_not_come_back_is_refused(event in any_event()) {
        for codec in codecs() {
            if let Some(record) = encoded(&*codec, &event) {
                comes_back(&*codec, &event, &record)?;
            }
        }
    }

    #[test]
    fn route_agrees_with_decode_whatever_the_bytes(record in any_record()) {
        for codec in codecs() {
            let route = codec.route(&record);
            match codec.decode(&TOPIC, record.clone()) {
                Ok(event) => prop_assert_eq!(route, said(&event), "{:?}", codec),
                Err(undecodable) => prop_assert_eq!(&undecodable.record, &record),
            }
        }
    }

    #[test]
    fn what_was_read_is_read_again_from_what_is_written(record in any_record()) {
        for codec in alone() {
            let Ok(event) = codec.decode(&TOPIC, record.clone()) else { continue };
            if let Some(again) = encoded(&*codec, &event) {
                comes_back(&*codec, &event, &again)?;
            }
        }
    }

    #[test]
    fn a_payload_is_not_changed_by_a_byte(payload in payload()) {
        let value = [b"{\"event_id\":\"1\",\"aggregate_id\":\"a\",\"event_type\":\"t\",\"event_version\":1,\"payload\": ", &payload[..], b" }"].concat();
        let record = Record { value: Some(value.into()), ..Record::default() };
        let read = FleetJson.decode(&TOPIC, record);
        if json_payload(&payload) {
            let read = read.unwrap();
            prop_assert_eq!(read.payload(), &payload);
        }
    }
}

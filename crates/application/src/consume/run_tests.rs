//! Runs: what they hold, decode and let go of.

use bytes::Bytes;
use laneway_domain::{AggregateId, CodecError, Headers, Position, Record, Route, Timestamp};

use super::*;
use crate::ledger::{Ledger, Opening};

/// Reads a value as the payload; one that starts with `!` does not decode, one that starts with `?` panics.
#[derive(Debug)]
struct Plain;

impl Codec for Plain {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        record.value = Some(envelope.payload().clone());
        Ok(())
    }

    fn route(&self, _record: &Record) -> Route {
        Route::default()
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        let value = record.value.clone().unwrap_or_default();
        assert!(!value.starts_with(b"?"), "in a codec");
        if value.starts_with(b"!") {
            let error = CodecError::Malformed { format: "plain", reason: "starts with !".to_owned() };
            return Err(Box::new(Undecodable { record, error }));
        }
        Ok(Envelope::new(topic.clone(), value))
    }
}

fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

fn tenure() -> (Tenure, Slot) {
    let mut ledger = Ledger::default();
    let tenure = ledger.assign(&laneway_domain::Assignment {
        partition: laneway_domain::PartitionId(0),
        epoch: laneway_domain::Epoch(1),
        topic: topic(),
        number: PartitionNumber(0),
        stored: None,
        initial: laneway_domain::Resume::Start,
    });
    let Opening::Fresh(slot, _) = ledger.book(tenure).unwrap().open(Position::new(0)) else { unreachable!() };
    (tenure, slot)
}

fn run(bodies: Vec<Body>) -> Run {
    let (tenure, slot) = tenure();
    let received =
        |(at, body)| Received { position: Position::new(at), appended: Timestamp::default(), body };
    let rows: Vec<Received> = (0..).zip(bodies).map(received).collect();
    let entries =
        (0..).zip(&rows).map(|(row, _)| Entry { row, slot, hash: NonZeroU64::new(7), bytes: 1 }).collect();
    let (keys, attempts, due) = (ByEntry::default(), ByEntry::default(), ByEntry::default());
    Run {
        tenure,
        topic: topic(),
        number: PartitionNumber(0),
        rows: rows.into(),
        entries,
        keys,
        attempts,
        due,
        unordered: false,
    }
}

fn event(payload: &Bytes) -> Body {
    Body::Event(Envelope::new(topic(), payload.clone()).with_aggregate(AggregateId::new("a").unwrap()))
}

fn record(value: &'static str) -> Body {
    Body::Record(Record { key: None, value: Some(value.into()), headers: Headers::new() })
}

#[test]
fn the_few_that_wait_longer_than_a_second_no_longer_pin_the_buffer_they_came_in() {
    let buffer = Bytes::from(vec![1; 1_000]);
    let mut runs = Runs::new(None);
    let bodies = (0..3).map(|at| event(&buffer.slice(at * 10..(at + 1) * 10))).collect();
    let (at, _) = runs.take(run(bodies), Monotonic::ZERO);
    let ticket = |row| Ticket { run: at, row };
    let within = |runs: &Runs| {
        let payload = runs.event(ticket(2)).unwrap().payload().clone();
        buffer.as_ptr_range().contains(&payload.as_ptr())
    };
    let after = |seconds: u32| Monotonic::ZERO + Runs::LOOSE_AFTER * seconds;
    runs.release(ticket(0));
    runs.loosen(Monotonic::ZERO);
    assert_eq!((within(&runs), runs.next_loosening()), (true, after(1)));
    runs.loosen(after(1));
    assert_eq!((within(&runs), runs.next_loosening()), (true, after(2)), "most of it still waits");
    runs.release(ticket(1));
    runs.loosen(after(2));
    assert_eq!((within(&runs), runs.next_loosening()), (false, after(3)));
    assert_eq!(runs.event(ticket(2)).unwrap().payload(), &buffer[20..30]);
    assert_eq!(runs.received(ticket(2)).position, Position::new(2));
    runs.release(ticket(2));
    assert!(runs.held.iter().all(Option::is_none));
    runs.loosen(after(3));
    assert_eq!(runs.next_loosening(), Monotonic::NEVER);
}

#[test]
fn a_record_that_does_not_decode_keeps_its_bytes_and_stops_no_other() {
    let mut runs = Runs::new(Some(Arc::new(Plain)));
    let (at, count) =
        runs.take(run(vec![record("fine"), record("!"), record("?"), record("too")]), Monotonic::ZERO);
    let payload = |row| runs.event(Ticket { run: at, row }).map(|event| event.payload().clone());
    assert_eq!((count, payload(0), payload(1), payload(2)), (4, Some("fine".into()), None, None));
    assert_eq!(payload(3), Some("too".into()));
    for (row, value, why) in [(1, "!", "starts with !"), (2, "?", "panicked")] {
        let ticket = Ticket { run: at, row };
        assert!(runs.undecodable(ticket).unwrap().to_string().contains(why));
        assert_eq!(runs.received(ticket).body, record(value));
        assert_eq!(runs.original(Ticket { run: at, row: 0 }), &record("fine"));
    }
}

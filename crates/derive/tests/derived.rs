//! What the derives write.

#![allow(clippy::unwrap_used)]

use laneway_derive::{DomainEvent, DomainEvents};
use laneway_domain::{
    AggregateId, DecodeError, DomainEvent, DomainEvents, Envelope, EventType, OnTopic, TopicName,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 2, aggregate = "order_id", topic = "orders", crate = laneway_domain)]
struct OrderPlaced {
    order_id: String,
    total: u64,
}

/// A tuple struct with defaults.
#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.shipped", aggregate = "0")]
#[event(crate = laneway_domain)]
struct OrderShipped(u64, u32);

#[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(type = "raw", aggregate = "type", crate = laneway_domain)]
struct Keyword {
    r#type: u8,
}

#[derive(Debug, PartialEq, DomainEvents)]
#[event(topic = "orders", crate = laneway_domain)]
enum OrderEvent {
    Placed(OrderPlaced),
    Shipped(OrderShipped),
}

fn placed() -> OrderPlaced {
    OrderPlaced { order_id: "o-42".to_owned(), total: 1250 }
}

#[test]
fn an_event_goes_into_an_envelope_and_comes_back() {
    let envelope = placed().envelope().unwrap();
    assert_eq!(envelope.topic().as_str(), "orders");
    assert_eq!(envelope.event_type().map(EventType::as_str), Some("order.placed"));
    assert_eq!((envelope.schema_version(), envelope.aggregate().map(AggregateId::as_str)), (2, Some("o-42")));
    assert_eq!(envelope.payload(), r#"{"order_id":"o-42","total":1250}"#);
    assert_eq!(OrderPlaced::read(&envelope).unwrap(), placed());
    assert_eq!(OrderShipped::VERSION, 1);
    let keyword = Keyword { r#type: 7 };
    assert_eq!(keyword.aggregate_id().unwrap().as_str(), "7");
}

#[test]
fn an_enum_reads_by_type_and_version_and_writes_what_it_holds() {
    let shipped = OrderEvent::Shipped(OrderShipped(7, 3));
    for event in [OrderEvent::Placed(placed()), shipped] {
        assert_eq!(OrderEvent::read(&event.envelope().unwrap()).unwrap(), event);
    }
    assert_eq!(OrderEvent::TOPIC, OrderPlaced::TOPIC);
    let known: Vec<_> = OrderEvent::KINDS.iter().map(ToString::to_string).collect();
    assert_eq!(known, ["order.placed v2", "order.shipped v1"]);
}

#[test]
fn what_is_not_read_says_what_it_is_and_what_would_be() {
    let envelope = placed().envelope().unwrap().with_schema_version(3);
    let error = OrderEvent::read(&envelope).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the event is order.placed v3, which is not read here; read are: order.placed v2, order.shipped v1"
    );
    let bare = Envelope::new(TopicName::new("orders").unwrap(), "{}");
    assert!(matches!(OrderEvent::read(&bare), Err(DecodeError::Untyped)));
    let broken = bare.with_event_type(OrderPlaced::EVENT_TYPE).with_schema_version(2);
    let error = OrderPlaced::read(&broken).unwrap_err();
    assert_eq!(error.to_string(), "the payload is no order.placed v2");
    assert!(
        matches!(error, DecodeError::Payload { cause, .. } if cause.to_string().contains("missing field"))
    );
}

#[test]
fn an_aggregate_id_that_is_not_legal_is_refused_when_writing() {
    let nameless = OrderPlaced { order_id: String::new(), total: 0 };
    let error = nameless.envelope().unwrap_err();
    assert_eq!(error.to_string(), "the order.placed v2 cannot be written");
    assert_eq!(error.why().to_string(), "aggregate_id: is not empty; found nothing");
}

//! What is published is what is handled, byte for byte.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, CorrelationId, Envelope, Event, EventId, EventType, TenantId,
    Timestamp, TopicName, TraceContext, handler_fn,
};
use uuid::Uuid;

use super::super::adapter::Needs;
use super::super::lab::Lab;
use super::super::said::{given, sure};

pub(crate) async fn every_field_arrives_as_it_was_published(lab: Lab) {
    let sent = |topic: &TopicName| {
        let full = context(Envelope::new(topic.clone(), &b"\x00payload\xff"[..]));
        full.with_id(given("id", EventId::new(Uuid::from_u128(42))))
            .with_aggregate(sure("an aggregate", AggregateId::new("order:42/ü")))
            .with_event_type(EventType::from_static("OrderPlaced"))
            .with_version(given("version", AggregateVersion::new(7)))
            .with_schema_version(3)
            .with_occurred_at(Timestamp::from_unix_nanos(1_767_225_600_123_456_789))
            .with_header("source", Some(Bytes::from_static(b"web")))
    };
    let (sent, handled) = there_and_up(lab, sent).await;
    assert_eq!(handled, sent);
}

pub(crate) async fn an_event_with_a_payload_alone_arrives_without_the_rest(lab: Lab) {
    let (_, handled) = there_and_up(lab, |topic| Envelope::new(topic.clone(), "alone")).await;
    assert_eq!(handled.payload(), "alone");
    assert!(handled.id().is_some() && handled.occurred_at().is_some(), "publishing stamps id and time");
    assert_eq!((handled.aggregate(), handled.event_type(), handled.version()), (None, None, None));
    assert_eq!((handled.tenant(), handled.correlation(), handled.causation()), (None, None, None));
    assert_eq!((handled.trace(), handled.schema_version()), (None, 1));
    assert!(handled.headers().is_empty(), "{:?}", handled.headers());
}

pub(crate) async fn an_empty_payload_arrives_empty(lab: Lab) {
    let (sent, handled) = there_and_up(lab, |topic| Envelope::new(topic.clone(), Bytes::new())).await;
    assert_eq!((handled.payload(), handled.topic()), (&Bytes::new(), sent.topic()));
}

pub(crate) async fn null_empty_repeated_and_non_utf8_headers_arrive_in_order(lab: Lab) {
    let headers = |topic: &TopicName| {
        Envelope::new(topic.clone(), "x")
            .with_header("null", None)
            .with_header("empty", Some(Bytes::new()))
            .with_header("bytes", Some(Bytes::from_static(&[0xff, 0x00, 0xc3, 0x28])))
            .with_header("twice", Some(Bytes::from_static(b"1")))
            .with_header("twice", None)
            .with_header("Große Überschrift", Some(Bytes::from_static(b"\r\n")))
    };
    let (sent, handled) = there_and_up(lab, headers).await;
    let seen: Vec<_> = handled.headers().iter().collect();
    assert_eq!(seen, sent.headers().iter().collect::<Vec<_>>());
    assert_eq!(seen[..2], [("null", None), ("empty", Some(&b""[..]))]);
}

pub(crate) async fn names_of_the_greatest_length_arrive(lab: Lab) {
    let long = |topic: &TopicName| {
        Envelope::new(topic.clone(), "x")
            .with_aggregate(sure("an aggregate", AggregateId::new("ü".repeat(AggregateId::MAX_LEN / 2))))
            .with_event_type(sure("a type", EventType::new(&"t".repeat(EventType::MAX_LEN))))
            .with_tenant(sure("a tenant", TenantId::new("t".repeat(TenantId::MAX_LEN))))
            .with_correlation(sure("an id", CorrelationId::new("c".repeat(CorrelationId::MAX_LEN))))
            .with_causation(sure("an id", CausationId::new("a".repeat(CausationId::MAX_LEN))))
            .with_version(AggregateVersion::MAX)
            .with_schema_version(u32::MAX)
    };
    let (sent, handled) = there_and_up(lab, long).await;
    assert_eq!(same(&handled), same(&sent));
}

pub(crate) async fn every_byte_of_a_payload_arrives(lab: Lab) {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(10_000).collect();
    let payload = bytes.clone();
    let (_, handled) = there_and_up(lab, move |topic| Envelope::new(topic.clone(), payload)).await;
    assert_eq!(handled.payload(), &bytes);
}

pub(crate) async fn trace_tenant_correlation_and_causation_are_kept(lab: Lab) {
    let (sent, handled) = there_and_up(lab, |topic| context(Envelope::new(topic.clone(), "x"))).await;
    assert_eq!(handled.trace(), sent.trace());
    assert_eq!(handled.trace().and_then(TraceContext::state), Some("vendor=1,other=2"));
    assert_eq!((handled.tenant(), handled.correlation()), (sent.tenant(), sent.correlation()));
    assert_eq!(handled.causation(), sent.causation());
}

fn context(envelope: Envelope) -> Envelope {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    envelope
        .with_trace(sure("a trace", TraceContext::new(parent, Some("vendor=1,other=2"))))
        .with_tenant(sure("a tenant", TenantId::new("acme")))
        .with_correlation(sure("a correlation", CorrelationId::new("request-1")))
        .with_causation(sure("a causation", CausationId::new("command-2")))
}

/// The event without what publishing stamps.
fn same(event: &Envelope) -> Envelope {
    event
        .clone()
        .with_id(given("id", EventId::new(Uuid::from_u128(1))))
        .with_occurred_at(Timestamp::default())
}

/// Publishes an event, and gives it back with what the handler saw.
async fn there_and_up(lab: Lab, sent: impl FnOnce(&TopicName) -> Envelope) -> (Envelope, Envelope) {
    let world = lab.world(Needs::default()).await;
    let (bus, sent) = (world.bus(), sent(&world.topic()));
    let seen: Arc<Mutex<Vec<Envelope>>> = Arc::default();
    let book = seen.clone();
    let handler = handler_fn(move |event: Event| {
        book.lock().unwrap_or_else(PoisonError::into_inner).push(Envelope::clone(&event));
        async { Ok(()) }
    });
    world.subscribe(&bus, world.options("readers"), handler).await;
    world.publish(&bus, vec![sent.clone()]).await;
    let all = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    world.until("the event is handled", || !all().is_empty()).await;
    world.close(&bus).await;
    let mut all = all();
    assert_eq!(all.len(), 1, "one event was published");
    (sent, all.remove(0))
}

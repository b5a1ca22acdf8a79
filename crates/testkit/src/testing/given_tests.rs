use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use laneway_application::policy::{Classifier, RetryPolicy};
use laneway_domain::{
    AggregateId, Envelope, ErrorClass, Event, EventId, EventType, HandlerError, TopicName, handler_fn,
};

use super::given::words;
use super::*;

fn event(number: u64) -> Envelope {
    let id = AggregateId::new("order:42").unwrap();
    Envelope::new(TopicName::from_static("orders"), format!("{number}"))
        .with_aggregate(id)
        .with_event_type(EventType::from_static("order.placed"))
}

fn plain() -> impl laneway_domain::Handler {
    handler_fn(|event: Event| async move {
        match &**event.payload() {
            b"1" => Ok(()),
            b"2" => Err(HandlerError::retryable("the database is away")),
            b"3" => Err(HandlerError::fatal("no such order")),
            b"4" => panic!("on purpose"),
            b"5" => std::future::pending().await,
            _ => Err(std::fmt::Error.into()),
        }
    })
}

/// What a failed expectation says.
async fn told(expectation: impl Future<Output = ()>) -> String {
    let panic = std::panic::AssertUnwindSafe(expectation).catch_unwind().await;
    words(&*panic.expect_err("the expectation is met"))
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_handled_tried_again_or_dead_as_the_subscription_would_have_it() {
    Given::handler(plain()).when(event(1)).await.then_ok().then_published_nothing();
    Given::handler(plain()).when(event(2)).await.then_retries();
    Given::handler(plain()).when(event(3)).await.then_dead("no such order");
    Given::handler(plain()).when(event(4)).await.then_retries();
    Given::handler(plain()).processing_timeout(Duration::from_secs(1)).when(event(5)).await.then_retries();
    Given::handler(plain()).retry(RetryPolicy::none()).when(event(2)).await.then_dead("away");
    let last = RetryPolicy::default().max_retries + 1;
    Given::handler(plain()).attempt(last).when(event(2)).await.then_dead("away");
    Given::handler(plain())
        .attempt(last - 1)
        .when(event(2))
        .await
        .then_retries()
        .when(event(1))
        .await
        .then_ok();
    let fatal = Classifier::new().on::<std::fmt::Error>(|_| ErrorClass::Fatal);
    Given::handler(plain()).classifier(fatal).when(event(6)).await.then_dead("error");
}

#[tokio::test(start_paused = true)]
async fn an_expectation_that_is_not_met_says_both_sides_and_the_event() {
    let text = told(async { drop(Given::handler(plain()).when(event(2)).await.then_ok()) }).await;
    assert_eq!(
        text,
        "expected: it is handled\n   found: it failed and is tried again: the database is away\n  event: orders order:42 order.placed v1 2, attempt 1"
    );
    let text = told(async { drop(Given::handler(plain()).when(event(3)).await.then_retries()) }).await;
    assert!(text.contains("found: it is a dead letter: no such order"), "{text}");
    let text = told(async { drop(Given::handler(plain()).when(event(3)).await.then_dead("another")) }).await;
    assert!(text.contains("it is a dead letter that says `another`"), "{text}");
    let text =
        told(async { drop(Given::handler(plain()).given([event(1), event(3)]).when(event(1)).await) }).await;
    assert!(text.starts_with("event 2 that was given before: it is a dead letter"), "{text}");
}

fn billing() -> Given<impl laneway_domain::Handler> {
    Given::publishing(|bus| {
        handler_fn(move |event: Event| {
            let (bus, number) = (bus.clone(), event.payload().clone());
            async move {
                let bill = Envelope::new(TopicName::from_static("bills"), number);
                bus.publish(bill.with_header("by", Some(Bytes::from_static(b"billing")))).await?;
                Ok(())
            }
        })
    })
}

fn bill(number: &'static str) -> Envelope {
    Envelope::new(TopicName::from_static("bills"), number)
}

#[tokio::test(start_paused = true)]
async fn what_the_attempt_published_is_compared_and_what_came_before_is_not() {
    let then = billing().given([event(1), event(2)]).when(event(3)).await;
    assert!(then.published()[0].id().is_some() && then.published()[0].occurred_at().is_some());
    then.then_ok().then_published([bill("3")]);
    let named = bill("7").with_header("by", Some(Bytes::from_static(b"billing")));
    billing().when(event(7)).await.then_published([named]);
}

#[tokio::test(start_paused = true)]
async fn differences_are_told_field_by_field() {
    let text = told(async { drop(billing().when(event(3)).await.then_published([bill("4")])) }).await;
    assert!(text.contains("1. bills 3\n     payload: expected 4\n              found    3\n"), "{text}");
    let text = told(async { drop(billing().when(event(3)).await.then_published_nothing()) }).await;
    assert!(text.contains("1. not expected: bills 3"), "{text}");
    let text =
        told(async { drop(billing().when(event(3)).await.then_published([bill("3"), bill("4")])) }).await;
    assert!(text.contains("2. missing: bills 4") && !text.contains("  1."), "{text}");
    let strange = bill("3").with_id(EventId::new(uuid::Uuid::from_u128(1)).unwrap()).with_header("by", None);
    let text = told(async { drop(billing().when(event(3)).await.then_published([strange])) }).await;
    let json = billing().when(event(3)).await;
    let json = told(async { drop(json.then_published([bill("{\"a\":\"x\ny\"}")])) }).await;
    assert!(json.contains(r#"payload: expected {"a":"x\ny"}"#), "{json}");
    assert!(text.contains("id: expected") && text.contains("header `by`: expected null"), "{text}");
}

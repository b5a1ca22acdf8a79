//! Streams.

use std::time::Duration;

use futures_util::StreamExt;
use laneway_application::policy::RetryPolicy;
use laneway_application::route::{Stale, stream};
use laneway_domain::HandlerError;

use crate::scene::{LONG, Scene, name, options};

#[tokio::test(start_paused = true)]
async fn the_next_event_of_an_aggregate_comes_once_the_one_before_is_acknowledged() {
    let scene = Scene::new();
    let (subscription, mut events) = scene.bus.subscribe_stream(options(), 8).await.unwrap();
    scene.publish(&["a", "a", "b"]).await;
    let mut first = [events.next().await.unwrap(), events.next().await.unwrap()];
    first.sort_by_key(|delivery| name(&delivery.event));
    assert_eq!(first.each_ref().map(|delivery| name(&delivery.event)), ["a", "b"]);
    scene.pass(Duration::from_secs(1)).await;
    assert!(futures_util::poll!(std::pin::pin!(events.next())).is_pending());
    let [a, b] = first;
    let before = a.event.position();
    a.ack().unwrap();
    let second = events.next().await.unwrap();
    assert!(second.event.position() > before && second.attempt == 1);
    second.ack().unwrap();
    b.ack().unwrap();
    subscription.wait_until(|stats| stats.handled == 3).await;
    scene.bus.close(LONG).await;
    assert!(events.next().await.is_none(), "a stream ends with its subscription");
}

#[tokio::test(start_paused = true)]
async fn a_nack_and_a_drop_without_an_answer_are_failed_attempts() {
    let scene = Scene::new();
    let mut options = options();
    options.retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let (subscription, events) = scene.bus.subscribe_stream(options, 8).await.unwrap();
    scene.publish(&["a"]).await;
    let mut events = events.fuse();
    let first = StreamExt::next(&mut events).await.unwrap();
    first.nack(HandlerError::retryable("not now")).unwrap();
    let second = StreamExt::next(&mut events).await.unwrap();
    assert_eq!(second.attempt, 2);
    drop(second);
    subscription.wait_until(|stats| stats.dead_letters == 1).await;
    assert_eq!(scene.letters().await[0].death.errors, ["the delivery was dropped without an answer"]);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_time_is_up_is_stale() {
    let scene = Scene::new();
    let mut options = options();
    options.processing_timeout = Duration::from_secs(5);
    let (subscription, mut events) = scene.bus.subscribe_stream(options, 8).await.unwrap();
    scene.publish(&["a", "b"]).await;
    let (mut late, later) = (events.next().await.unwrap(), events.next().await.unwrap());
    assert!(!late.is_stale());
    let (waited, ()) = scene.time(late.stale()).await;
    assert!(waited >= Duration::from_secs(4) && late.is_stale(), "{waited:?}");
    subscription.wait_until(|stats| stats.dead_letters == 2).await;
    assert_eq!(late.ack(), Err(Stale));
    assert_eq!(later.nack(HandlerError::fatal("too late")), Err(Stale));
    assert_eq!(subscription.stats().handled, 0);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_went_stale_in_the_stream_is_left_out() {
    let scene = Scene::new();
    let mut options = options();
    options.processing_timeout = Duration::from_secs(5);
    options.retry = RetryPolicy { max_retries: 9, ..RetryPolicy::default() };
    let (subscription, mut events) = scene.bus.subscribe_stream(options, 8).await.unwrap();
    scene.publish(&["a"]).await;
    subscription.wait_until(|stats| stats.retries == 2).await;
    let third = events.next().await.unwrap();
    assert_eq!(third.attempt, 3);
    third.ack().unwrap();
    subscription.wait_until(|stats| stats.handled == 1).await;
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_stream_holds_events_back_without_losing_one() {
    let scene = Scene::new();
    let (subscription, mut events) = scene.bus.subscribe_stream(options(), 1).await.unwrap();
    let names: Vec<String> = (0..20).map(|at| format!("order:{at}")).collect();
    scene.publish(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for _ in &names {
        events.next().await.unwrap().ack().unwrap();
    }
    let stats = subscription.wait_until(|stats| stats.handled == 20).await;
    assert_eq!(stats.retries, 0);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_of_a_bare_pair_fails_its_events_with_a_clear_error() {
    let scene = Scene::new();
    let (handler, mut events) = stream(4).unwrap();
    let subscription = scene.bus.subscribe(options(), handler).await.unwrap();
    scene.publish(&["a"]).await;
    let taken = events.next().await.unwrap();
    drop(events);
    scene.publish(&["b"]).await;
    subscription.wait_until(|stats| stats.dead_letters == 1).await;
    let clear = "the stream of this subscription was dropped: nobody takes its events";
    assert_eq!(scene.letters().await[0].death.errors, [clear]);
    // What was taken before can still be answered.
    taken.ack().unwrap();
    subscription.wait_until(|stats| stats.handled == 1).await;
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_of_a_subscription_ends_it_and_loses_and_fails_nothing() {
    let scene = Scene::new();
    let (subscription, mut events) = scene.bus.subscribe_stream(options(), 4).await.unwrap();
    scene.publish(&["a", "b", "c"]).await;
    let taken = events.next().await.unwrap();
    subscription.wait_until(|stats| stats.lanes.active == 3).await;
    drop(events);
    subscription.ended().await;
    assert_eq!(taken.ack(), Err(Stale));
    let stats = subscription.stats();
    assert_eq!((stats.handled, stats.retries, stats.dead_letters), (0, 0, 0));
    let (again, mut events) = scene.bus.subscribe_stream(options(), 4).await.unwrap();
    for _ in 0..3 {
        events.next().await.unwrap().ack().unwrap();
    }
    again.wait_until(|stats| stats.handled == 3).await;
    scene.bus.close(LONG).await;
}

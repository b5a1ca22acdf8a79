//! Handlers that make it hard for the bus: they spin, publish while it closes, outlive it, or return errors that panic.

#![allow(clippy::unwrap_used)]

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use laneway_application::consume::{Ground, SubscriptionError, SubscriptionOptions, blocking};
use laneway_application::policy::RetryPolicy;
use laneway_application::{Bus, SystemClock};
use laneway_domain::{AggregateId, Envelope, Event, GroupId, HandlerError, TopicName, handler_fn};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use tokio::sync::Notify;

const LONG: Duration = Duration::from_secs(20);

fn bus() -> Bus {
    let clock = Arc::new(SystemClock::new());
    let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
    let dead_letters = Some(Arc::new(MemoryDeadLetters::new()) as _);
    Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters, clock })
}

fn topic() -> TopicName {
    TopicName::new("hard").unwrap()
}

/// One worker and no second attempt.
fn options() -> SubscriptionOptions {
    let mut options = SubscriptionOptions::new(GroupId::new("g").unwrap(), [topic()]);
    options.workers = 1;
    options.retry = RetryPolicy::none();
    options
}

fn event(aggregate: &str) -> Envelope {
    Envelope::new(topic(), "x").with_aggregate(AggregateId::new(aggregate).unwrap())
}

fn is(event: &Event, aggregate: &str) -> bool {
    event.aggregate().is_some_and(|id| id.as_str() == aggregate)
}

#[tokio::test]
async fn a_handler_that_wakes_itself_all_the_time_keeps_no_other_lane_waiting() {
    let (seen, given_up) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (told, gave_up) = (seen.clone(), given_up.clone());
    let handler = handler_fn(move |event: Event| {
        let (seen, given_up) = (told.clone(), gave_up.clone());
        async move {
            if is(&event, "other") {
                seen.store(true, Ordering::SeqCst);
                return Ok(());
            }
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                given_up.fetch_or(polls > 3_000_000, Ordering::SeqCst);
                if seen.load(Ordering::SeqCst) || polls > 3_000_000 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            Ok(())
        }
    });
    let bus = bus();
    let subscription = bus.subscribe(options(), handler).await.unwrap();
    bus.publish(event("spins")).await.unwrap();
    while subscription.stats().lanes.active == 0 {
        tokio::task::yield_now().await;
    }
    bus.publish(event("other")).await.unwrap();
    while subscription.stats().handled < 2 {
        tokio::task::yield_now().await;
    }
    assert!(!given_up.load(Ordering::SeqCst), "the other lane was never started");
    bus.close(LONG).await;
}

#[tokio::test]
async fn a_handler_that_runs_while_the_bus_closes_may_publish_and_others_may_not() {
    let bus = bus();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, tell, wait) = (bus.clone(), started.clone(), go.clone());
    let handler = handler_fn(move |_| {
        let (bus, started, go) = (inside.clone(), tell.clone(), wait.clone());
        async move {
            started.notify_one();
            go.notified().await;
            let elsewhere = Envelope::new(TopicName::new("elsewhere")?, "x");
            bus.publish(elsewhere).await?;
            Ok(())
        }
    });
    let subscription = bus.subscribe(options(), handler).await.unwrap();
    bus.publish(event("a")).await.unwrap();
    started.notified().await;
    let closing = tokio::spawn({
        let bus = bus.clone();
        async move { bus.close(LONG).await }
    });
    while bus.publish(event("b")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    closing.await.unwrap();
    assert_eq!((subscription.stats().handled, subscription.stats().dead_letters), (1, 0));
    assert!(bus.publish(event("c")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_free_again_only_when_nothing_of_its_last_subscription_runs() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (released, runs) = (std::sync::Mutex::new(released), Arc::new(AtomicU32::new(0)));
    let counted = runs.clone();
    let handler = blocking(move |_: &Event| {
        counted.fetch_add(1, Ordering::SeqCst);
        // Ends when the test lets go of the other end.
        let _ = released.lock().map(|released| released.recv());
        Ok(())
    });
    let bus = bus();
    let subscription = bus.subscribe(options(), handler).await.unwrap();
    bus.publish(event("a")).await.unwrap();
    while runs.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    subscription.close(Duration::ZERO).await;
    let again = bus.subscribe(options(), handler_fn(|_| async { Ok(()) })).await;
    assert!(matches!(again, Err(SubscriptionError::Twice { .. })), "its handler still runs");
    drop(release);
    while !subscription.is_gone() {
        tokio::task::yield_now().await;
    }
    let again = bus.subscribe(options(), handler_fn(|_| async { Ok(()) })).await.unwrap();
    while again.stats().handled == 0 {
        tokio::task::yield_now().await;
    }
    bus.close(LONG).await;
}

/// An error that panics when it is shown.
#[derive(Debug)]
struct Shy;

impl fmt::Display for Shy {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("do not look at me")
    }
}

impl std::error::Error for Shy {}

#[tokio::test]
async fn an_error_that_panics_when_it_is_shown_is_a_failure_like_any_other() {
    let handler = handler_fn(|event: Event| async move {
        if is(&event, "shy") { Err(HandlerError::from(Shy)) } else { Ok(()) }
    });
    let bus = bus();
    let subscription = bus.subscribe(options(), handler).await.unwrap();
    for aggregate in ["shy", "bold"] {
        bus.publish(event(aggregate)).await.unwrap();
    }
    while subscription.stats().handled + subscription.stats().dead_letters < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!((subscription.stats().handled, subscription.stats().dead_letters), (1, 1));
    assert!(subscription.health().is_good());
    bus.close(LONG).await;
}

/// Panics when it is dropped, once.
#[derive(Debug, Default)]
struct Grumpy(bool);

impl fmt::Display for Grumpy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("grumpy")
    }
}

impl std::error::Error for Grumpy {}

impl Drop for Grumpy {
    fn drop(&mut self) {
        assert!(std::mem::replace(&mut self.0, true), "let me go");
    }
}

#[tokio::test]
async fn what_a_handler_leaves_behind_may_panic_when_it_is_dropped() {
    let handler = handler_fn(|event: Event| async move {
        if is(&event, "error") {
            return Err(HandlerError::from(Grumpy::default()));
        }
        if is(&event, "panic") {
            std::panic::panic_any(Grumpy::default());
        }
        Ok(())
    });
    let bus = bus();
    let subscription = bus.subscribe(options(), handler).await.unwrap();
    for aggregate in ["error", "panic", "fine"] {
        bus.publish(event(aggregate)).await.unwrap();
    }
    let stats = subscription.wait_until(|stats| stats.handled + stats.dead_letters == 3).await;
    assert_eq!((stats.handled, stats.dead_letters), (1, 2));
    assert!(subscription.health().is_good());
    bus.close(LONG).await;
}

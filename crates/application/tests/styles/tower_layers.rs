//! Layers of `tower` on both edges.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use laneway_application::consume::blocking;
use laneway_application::layers::{Handling, ServiceHandler, layered};
use laneway_application::policy::RetryPolicy;
use laneway_domain::{Cancellation, DeathCause, Envelope, Event, Handler, HandlerError, handler_fn};
use tower::layer::util::Identity;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::util::MapRequestLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::scene::{LONG, Scene, event, name, options};

#[tokio::test(start_paused = true)]
async fn a_limit_holds_events_back_in_their_lanes_and_keeps_their_order() {
    let scene = Scene::new();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (now, peak, noted, clock) = (running.clone(), most.clone(), seen.clone(), scene.clock.clone());
    let handler = handler_fn(move |event: Event| {
        let (now, peak, noted, clock) = (now.clone(), peak.clone(), noted.clone(), clock.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            clock.wake_at(clock.monotonic() + Duration::from_millis(10)).await;
            noted.lock().unwrap().push((name(&event), event.position()));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let limited = layered(handler, &ConcurrencyLimitLayer::new(3));
    let subscription = scene.bus.subscribe(options(), limited).await.unwrap();
    for _ in 0..5 {
        scene.publish(&["a", "b", "c", "d", "e", "f"]).await;
    }
    subscription.wait_until(|stats| stats.handled == 30).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    for aggregate in ["a", "b", "c", "d", "e", "f"] {
        let seen = seen.lock().unwrap();
        let positions: Vec<_> = seen.iter().filter(|(name, _)| name == aggregate).collect();
        assert!(positions.len() == 5 && positions.is_sorted());
    }
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_waits_for_a_limit_is_given_up_at_its_time_and_leaves_no_permit_behind() {
    let scene = Scene::new();
    let first = AtomicUsize::new(0);
    let handler = handler_fn(move |_: Event| {
        let hangs = first.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    let limited = layered(handler, &ConcurrencyLimitLayer::new(1));
    let subscription = scene.bus.subscribe(options(), limited).await.unwrap();
    scene.publish(&["a", "b"]).await;
    // The second may get the permit of the first in the moment in which both are given up.
    let both = subscription.wait_until(|stats| stats.handled + stats.dead_letters == 2).await;
    assert!(both.dead_letters >= 1);
    scene.publish(&["a", "b"]).await;
    subscription.wait_until(|stats| stats.handled == both.handled + 2).await;
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn the_class_of_a_handlers_failure_comes_through_layers_that_box_errors() {
    let scene = Scene::new();
    let handler = handler_fn(|event: Event| async move {
        if name(&event) == "slow" {
            std::future::pending::<()>().await;
        }
        Err(HandlerError::fatal(std::io::Error::other("no such customer")))
    });
    let layers = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(2)))
        .layer(TimeoutLayer::new(Duration::from_secs(9)));
    let mut options = options();
    options.retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    let subscription = scene.bus.subscribe(options, layered(handler, &layers)).await.unwrap();
    scene.publish(&["fatal", "slow"]).await;
    subscription.wait_until(|stats| stats.dead_letters == 2).await;
    let mut letters = scene.letters().await;
    letters.sort_by_key(|letter| letter.death.attempts);
    assert_eq!((letters[0].death.cause, letters[0].death.attempts), (DeathCause::Fatal, 1));
    assert_eq!(letters[0].death.errors, ["no such customer"]);
    assert_eq!((letters[1].death.cause, letters[1].death.attempts), (DeathCause::Exhausted, 2));
    assert_eq!(letters[1].death.errors, ["request timed out"]);
    scene.bus.close(LONG).await;
}

/// A service that cannot be used.
#[derive(Clone)]
struct Broken;

impl Service<Handling> for Broken {
    type Response = ();
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<(), std::io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Err(std::io::Error::other("the service is broken")))
    }

    fn call(&mut self, _: Handling) -> Self::Future {
        unreachable!("it was never ready")
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_before_it_is_ready_fails_the_attempt() {
    let scene = Scene::new();
    let subscription = scene.bus.subscribe(options(), ServiceHandler::new(Broken)).await.unwrap();
    scene.publish(&["a"]).await;
    subscription.wait_until(|stats| stats.dead_letters == 1).await;
    assert_eq!(scene.letters().await[0].death.errors, ["the service is broken"]);
    scene.bus.close(LONG).await;
}

#[test]
fn layers_do_not_make_work_stoppable_that_is_not() {
    let cannot_stop = layered(blocking(|_: &Event| Ok(())), &Identity::new());
    assert_eq!(cannot_stop.cancellation(), Cancellation::Finish);
}

#[tokio::test(start_paused = true)]
async fn layers_around_publishing_see_each_event_and_its_receipt() {
    let scene = Scene::new();
    let tag = MapRequestLayer::new(|event: Envelope| event.with_header("source", Some("web".into())));
    let mut publisher = tag.layer(scene.bus.publish_service());
    let (_subscription, mut events) = scene.bus.subscribe_stream(options(), 4).await.unwrap();
    let receipt = publisher.ready().await.unwrap().call(event("a")).await.unwrap();
    let delivery = events.next().await.unwrap();
    assert_eq!(delivery.event.id(), Some(receipt.id));
    assert_eq!(delivery.event.headers().first("source"), Some(Some(&b"web"[..])));
    delivery.ack().unwrap();
    scene.bus.close(LONG).await;
    let refused = publisher.ready().await.unwrap().call(event("a")).await;
    assert!(!refused.unwrap_err().is_retryable());
}

//! Events that run in circles.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use laneway_application::consume::blocking;
use laneway_application::layers::LoopGuard;
use laneway_application::publish::HOPS_HEADER;
use laneway_application::route::{BatchOptions, BatchOutcome, Batches, EventBatch, batch_fn};
use laneway_domain::{DeathCause, Envelope, Event, EventId, GroupId, TopicName, handler_fn};
use uuid::Uuid;

use crate::scene::{LONG, Scene, event, options};

fn hops(event: &Event) -> Option<String> {
    let value = event.headers().first(HOPS_HEADER).flatten();
    value.map(|value| String::from_utf8_lossy(value).into_owned())
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_handlers_stops_at_the_limit_with_a_dead_letter_that_says_why() {
    let scene = Scene::new();
    let bus = scene.bus.clone();
    let handler = LoopGuard::new(handler_fn(move |event: Event| {
        let bus = bus.clone();
        async move {
            // Forwards the very headers that it got, under a new id.
            let next = event.id().and_then(|id| EventId::new(Uuid::from_u128(id.uuid().as_u128() + 1)));
            bus.publish(Envelope::clone(&event).with_id(next.unwrap())).await?;
            Ok(())
        }
    }));
    let subscription = scene.bus.subscribe(options(), handler.with_limit(5)).await.unwrap();
    scene.publish(&["a"]).await;
    let stats = subscription.wait_until(|stats| stats.dead_letters == 1).await;
    assert_eq!(stats.handled, 6);
    let letter = scene.letters().await.remove(0);
    assert_eq!((letter.death.cause, letter.death.attempts), (DeathCause::Fatal, 1));
    assert!(
        letter.death.errors[0].contains("has made 6 hops")
            && letter.death.errors[0].contains("5 are allowed")
    );
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_while_it_is_being_handled_is_acknowledged() {
    let (scene, calls) = (Scene::new(), Arc::new(AtomicUsize::new(0)));
    let (bus, counted) = (scene.bus.clone(), calls.clone());
    let (told, tally) = tokio::sync::oneshot::channel::<laneway_application::layers::Tally>();
    let tally = futures_util::FutureExt::shared(tally);
    let handler = LoopGuard::new(handler_fn(move |event: Event| {
        let (bus, tally) = (bus.clone(), tally.clone());
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            // The same event again, into another lane.
            let copy = Envelope::new(event.topic().clone(), "copy").with_id(event.id().unwrap());
            bus.publish(copy).await?;
            let tally = tally.await?;
            while tally.counts().duplicates == 0 {
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    }));
    told.send(handler.tally()).unwrap();
    let subscription = scene.bus.subscribe(options(), handler).await.unwrap();
    scene.publish(&["a"]).await;
    subscription.wait_until(|stats| stats.handled == 2).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(subscription.stats().dead_letters, 0);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_is_handled_again_after_its_first_attempt_failed() {
    let (scene, calls) = (Scene::new(), Arc::new(AtomicUsize::new(0)));
    let counted = calls.clone();
    let handler = LoopGuard::new(handler_fn(move |_: Event| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "the first attempt");
            Ok(())
        }
    }));
    let mut options = options();
    options.retry = laneway_application::policy::RetryPolicy::default();
    let subscription = scene.bus.subscribe(options, handler).await.unwrap();
    scene.publish(&["a"]).await;
    subscription.wait_until(|stats| stats.handled == 1).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_publishes_one_hop_beyond_its_furthest_event_whoever_leads_it() {
    let scene = Scene::new();
    let elsewhere = TopicName::new("elsewhere").unwrap();
    let (bus, to) = (scene.bus.clone(), elsewhere.clone());
    let handler = batch_fn(move |_: EventBatch| {
        let (bus, out) = (bus.clone(), Envelope::new(to.clone(), "x"));
        async move {
            tokio::task::yield_now().await;
            bus.publish(out).await?;
            Ok(BatchOutcome::all_done())
        }
    });
    let batches = BatchOptions { size: 2, ..BatchOptions::default() };
    let guarded = LoopGuard::new(Batches::new(batches, scene.clock.clone(), handler).unwrap());
    scene.bus.subscribe(options(), guarded).await.unwrap();
    let mut there = options();
    (there.group, there.topics) = (GroupId::new("there").unwrap(), vec![elsewhere]);
    let (_there, mut events) = scene.bus.subscribe_stream(there, 1).await.unwrap();
    let far = event("far").with_header(HOPS_HEADER, Some("7".into()));
    for batch in [[event("fresh"), far.clone()], [far, event("fresh")]] {
        for event in batch {
            scene.bus.publish(event).await.unwrap();
        }
        let delivery = events.next().await.unwrap();
        assert_eq!(hops(&delivery.event).as_deref(), Some("8"));
        delivery.ack().unwrap();
    }
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_blocks_its_thread_publishes_one_hop_further() {
    let scene = Scene::new();
    let elsewhere = TopicName::new("elsewhere").unwrap();
    let (bus, to, runtime) = (scene.bus.clone(), elsewhere.clone(), tokio::runtime::Handle::current());
    let handler = blocking(move |_: &Event| {
        runtime.block_on(bus.publish(Envelope::new(to.clone(), "x")))?;
        Ok(())
    });
    scene.bus.subscribe(options(), LoopGuard::new(handler)).await.unwrap();
    let mut there = options();
    (there.group, there.topics) = (GroupId::new("there").unwrap(), vec![elsewhere]);
    let (_there, mut events) = scene.bus.subscribe_stream(there, 1).await.unwrap();
    scene.bus.publish(event("far").with_header(HOPS_HEADER, Some("7".into()))).await.unwrap();
    let delivery = events.next().await.unwrap();
    assert_eq!(hops(&delivery.event).as_deref(), Some("8"));
    delivery.ack().unwrap();
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn what_no_guarded_handler_publishes_carries_no_hops() {
    let scene = Scene::new();
    let (_subscription, mut events) = scene.bus.subscribe_stream(options(), 1).await.unwrap();
    scene.publish(&["a"]).await;
    let delivery = events.next().await.unwrap();
    assert_eq!(hops(&delivery.event), None);
    delivery.ack().unwrap();
    scene.bus.close(LONG).await;
}

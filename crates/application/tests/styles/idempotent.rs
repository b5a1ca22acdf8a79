//! Handling each event once.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use laneway_application::layers::{Idempotent, IdempotentOptions, KeyedBy, TallyCounts, Unexpected};
use laneway_application::policy::RetryPolicy;
use laneway_domain::{
    AggregateVersion, Envelope, Event, EventId, GroupId, HandlerError, IdempotencyKey, IdempotencyStore,
    Mark, StoreError, StoreFault, handler_fn,
};
use laneway_memory::MemoryIdempotency;
use uuid::Uuid;

use crate::scene::{LONG, Scene, event, options, topic};

fn store() -> Arc<MemoryIdempotency> {
    Arc::new(MemoryIdempotency::new(1_000).unwrap())
}

fn by_version() -> IdempotentOptions {
    IdempotentOptions { by: KeyedBy::AggregateVersion, ..IdempotentOptions::default() }
}

fn identified(aggregate: &str, id: u128) -> Envelope {
    event(aggregate).with_id(EventId::new(Uuid::from_u128(id)).unwrap())
}

fn versioned(aggregate: &str, version: u64) -> Envelope {
    event(aggregate).with_version(AggregateVersion::new(version).unwrap())
}

/// Counts its calls.
fn counting(calls: &Arc<AtomicUsize>) -> impl laneway_domain::Handler {
    let calls = calls.clone();
    handler_fn(move |_: Event| {
        calls.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    })
}

/// A store that counts what it is asked, and refuses on demand.
struct Moody {
    inner: MemoryIdempotency,
    asked: AtomicUsize,
    refuses_seen: AtomicU32,
    refuses_record: AtomicU32,
}

impl Moody {
    fn new(refuses_seen: u32, refuses_record: u32) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryIdempotency::new(1_000).unwrap(),
            asked: AtomicUsize::new(0),
            refuses_seen: refuses_seen.into(),
            refuses_record: refuses_record.into(),
        })
    }
}

fn refuse(times: &AtomicU32, operation: &'static str) -> Result<(), StoreError> {
    let refuses = times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let error = || StoreError::new(StoreFault::Unavailable, operation, "away");
    if refuses { Err(error()) } else { Ok(()) }
}

#[async_trait]
impl IdempotencyStore for Moody {
    async fn seen(&self, key: &IdempotencyKey) -> Result<Option<Mark>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        refuse(&self.refuses_seen, "seen")?;
        self.inner.seen(key).await
    }

    async fn record(&self, key: &IdempotencyKey, mark: Mark) -> Result<(), StoreError> {
        refuse(&self.refuses_record, "record")?;
        self.inner.record(key, mark).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_acknowledged_and_counted_and_the_cache_answers_for_the_store() {
    let (scene, store, calls) = (Scene::new(), Moody::new(0, 0), Arc::default());
    let handler = Idempotent::new(IdempotentOptions::default(), store.clone(), counting(&calls)).unwrap();
    let tally = handler.tally();
    let subscription = scene.bus.subscribe(options(), handler).await.unwrap();
    for id in [1, 2, 1, 1, 2] {
        scene.bus.publish(identified("a", id)).await.unwrap();
    }
    subscription.wait_until(|stats| stats.handled == 5).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(tally.counts(), TallyCounts { duplicates: 3, ..TallyCounts::default() });
    assert_eq!(store.asked.load(Ordering::SeqCst), 2, "the store was asked for what the cache knew");
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_handled_before_a_restart_is_a_duplicate_and_another_group_handles_it() {
    let (store, calls) = (store(), Arc::default());
    for (at, group) in ["billing", "billing", "mailing"].into_iter().enumerate() {
        let scene = Scene::new();
        let handler = Idempotent::new(IdempotentOptions::default(), store.clone(), counting(&calls)).unwrap();
        let mut options = options();
        options.group = GroupId::new(group).unwrap();
        let subscription = scene.bus.subscribe(options, handler).await.unwrap();
        scene.bus.publish(identified("a", 1)).await.unwrap();
        subscription.wait_until(|stats| stats.handled == 1).await;
        scene.bus.close(LONG).await;
        assert_eq!(calls.load(Ordering::SeqCst), [1, 1, 2][at]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_is_not_recorded() {
    let (scene, calls) = (Scene::new(), Arc::new(AtomicUsize::new(0)));
    let counted = calls.clone();
    let handler = handler_fn(move |_: Event| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err(HandlerError::retryable("not now")) } else { Ok(()) } }
    });
    let mut options = options();
    options.retry = RetryPolicy::default();
    for by in [IdempotentOptions::default(), by_version()] {
        calls.store(0, Ordering::SeqCst);
        let handler = Idempotent::new(by, store(), handler.clone()).unwrap();
        options.group = GroupId::new(format!("{:?}", by.by)).unwrap();
        let subscription = scene.bus.subscribe(options.clone(), handler).await.unwrap();
        if by.by == KeyedBy::EventId {
            scene.bus.publish(versioned("a", 1)).await.unwrap();
        }
        let stats = subscription.wait_until(|stats| stats.handled == 1).await;
        assert_eq!((calls.load(Ordering::SeqCst), stats.retries), (2, 1));
    }
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn by_version_gaps_and_late_ones_are_handled_and_counted_and_duplicates_are_not() {
    let (scene, seen) = (Scene::new(), Arc::new(Mutex::new(Vec::new())));
    let noted = seen.clone();
    let handler = handler_fn(move |event: Event| {
        noted.lock().unwrap().push(event.version().unwrap().get());
        async { Ok(()) }
    });
    let handler = Idempotent::new(by_version(), store(), handler).unwrap();
    let tally = handler.tally();
    let subscription = scene.bus.subscribe(options(), handler).await.unwrap();
    for version in [3, 4, 4, 8, 6, 6, 9, 3] {
        scene.bus.publish(versioned("a", version)).await.unwrap();
    }
    subscription.wait_until(|stats| stats.handled == 8).await;
    assert_eq!(*seen.lock().unwrap(), [3, 4, 8, 6, 9]);
    assert_eq!(tally.counts(), TallyCounts { duplicates: 3, late: 1, gaps: 1 });
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn strict_options_refuse_what_is_out_of_sequence_for_good() {
    let (scene, calls) = (Scene::new(), Arc::default());
    let strict = IdempotentOptions { gap: Unexpected::Refuse, late: Unexpected::Refuse, ..by_version() };
    let handler = Idempotent::new(strict, store(), counting(&calls)).unwrap();
    let subscription = scene.bus.subscribe(options(), handler).await.unwrap();
    for version in [2, 4, 1, 3] {
        scene.bus.publish(versioned("a", version)).await.unwrap();
    }
    subscription.wait_until(|stats| stats.handled + stats.dead_letters == 4).await;
    let errors: Vec<_> = scene.letters().await.into_iter().flat_map(|letter| letter.death.errors).collect();
    let gap = "version 4 came before its predecessors";
    let late = "version 1 came after younger ones were handled";
    assert_eq!((errors, calls.load(Ordering::SeqCst)), (vec![gap.to_owned(), late.to_owned()], 2));
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn two_copies_that_run_at_once_are_handled_one_after_the_other_and_once() {
    let (scene, calls) = (Scene::new(), Arc::new(AtomicUsize::new(0)));
    let (counted, clock) = (calls.clone(), scene.clock.clone());
    let handler = handler_fn(move |_: Event| {
        counted.fetch_add(1, Ordering::SeqCst);
        let clock = clock.clone();
        async move {
            clock.wake_at(clock.monotonic() + Duration::from_secs(1)).await;
            Ok(())
        }
    });
    let handler = Idempotent::new(IdempotentOptions::default(), store(), handler).unwrap();
    let subscription = scene.bus.subscribe(options(), handler).await.unwrap();
    let copy = Envelope::new(topic(), "x").with_id(EventId::new(Uuid::from_u128(7)).unwrap());
    scene.bus.publish_batch(vec![copy.clone(), copy.clone(), copy]).await;
    subscription.wait_until(|stats| stats.handled == 3).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_fails_the_attempt_and_loses_nothing() {
    let (scene, store, calls) = (Scene::new(), Moody::new(1, 1), Arc::default());
    let handler = Idempotent::new(IdempotentOptions::default(), store, counting(&calls)).unwrap();
    let mut options = options();
    options.retry = RetryPolicy::default();
    let subscription = scene.bus.subscribe(options, handler).await.unwrap();
    scene.bus.publish(identified("a", 1)).await.unwrap();
    let stats = subscription.wait_until(|stats| stats.handled == 1).await;
    // Asking failed before the handler; recording failed after it, so it ran again.
    assert_eq!((stats.retries, calls.load(Ordering::SeqCst)), (2, 2));
    scene.bus.close(LONG).await;
}

#[test]
fn a_cache_of_nothing_is_refused() {
    let none = IdempotentOptions { cache: 0, ..IdempotentOptions::default() };
    let refused = Idempotent::new(none, store(), handler_fn(|_: Event| async { Ok(()) })).unwrap_err();
    assert_eq!(refused.faults()[0].field(), "idempotent.cache");
}

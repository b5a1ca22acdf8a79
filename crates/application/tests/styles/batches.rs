//! Batches.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::consume::{Hooks, SubscriptionError};
use laneway_application::policy::{FailureKind, RetryPolicy};
use laneway_application::route::{BatchOptions, BatchOutcome, EventBatch, batch_fn};
use laneway_domain::HandlerError;

use crate::scene::{LONG, Scene, event, name, options};

const WAIT: Duration = Duration::from_secs(2);

fn of(size: usize) -> BatchOptions {
    BatchOptions { size, max_wait: WAIT }
}

/// What was handed over, batch by batch.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Vec<String>>>>);

impl Seen {
    fn note(&self, batch: &EventBatch) {
        self.0.lock().unwrap().push(batch.events().map(name).collect());
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(Vec::len).collect()
    }

    fn all(&self) -> Vec<Vec<String>> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_when_it_is_full_and_what_is_left_when_its_oldest_has_waited_long_enough() {
    let (scene, seen) = (Scene::new(), Seen::default());
    let noted = seen.clone();
    let handler = batch_fn(move |batch: EventBatch| {
        noted.note(&batch);
        async { Ok(BatchOutcome::all_done()) }
    });
    let subscription = scene.bus.subscribe_batches(options(), of(3), handler).await.unwrap();
    scene.publish(&["a", "b", "c", "d"]).await;
    let (waited, _) = scene.time(subscription.wait_until(|stats| stats.handled == 4)).await;
    assert_eq!(seen.sizes(), [3, 1]);
    assert!(waited >= WAIT && waited < WAIT + Duration::from_millis(50), "{waited:?}");
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_holds_one_event_of_each_aggregate_and_keeps_their_order() {
    let (scene, seen) = (Scene::new(), Seen::default());
    let noted = seen.clone();
    let handler = batch_fn(move |batch: EventBatch| {
        noted.note(&batch);
        async { Ok(BatchOutcome::all_done()) }
    });
    let subscription = scene.bus.subscribe_batches(options(), of(100), handler).await.unwrap();
    scene.publish(&["a", "a", "b", "a", "b", "c"]).await;
    subscription.wait_until(|stats| stats.handled == 6).await;
    let unique = |batch: &Vec<String>| batch.iter().collect::<HashSet<_>>().len() == batch.len();
    assert!(seen.all().iter().all(unique), "{:?}", seen.all());
    assert_eq!(seen.sizes(), [3, 2, 1]);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_size_beyond_what_may_be_in_flight_is_covered_by_the_wait() {
    let (scene, seen) = (Scene::new(), Seen::default());
    let noted = seen.clone();
    let handler = batch_fn(move |batch: EventBatch| {
        noted.note(&batch);
        async { Ok(BatchOutcome::all_done()) }
    });
    let mut options = options();
    options.max_in_flight = 2;
    let subscription = scene.bus.subscribe_batches(options, of(50), handler).await.unwrap();
    scene.publish(&["a", "b", "c", "d", "e"]).await;
    subscription.wait_until(|stats| stats.handled == 5).await;
    assert!(seen.sizes().iter().all(|size| *size <= 2) && seen.sizes().len() >= 3, "{:?}", seen.sizes());
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_is_retried_alone_and_the_others_are_done() {
    let (scene, seen) = (Scene::new(), Seen::default());
    let noted = seen.clone();
    let handler = batch_fn(move |batch: EventBatch| {
        noted.note(&batch);
        async move {
            let mut outcome = BatchOutcome::all_done();
            for (index, member) in batch.iter().enumerate() {
                if name(&member.event) == "b" && member.attempt == 1 {
                    outcome.fail(index, HandlerError::retryable("its row is locked"));
                }
            }
            Ok(outcome)
        }
    });
    let mut options = options();
    options.retry = RetryPolicy::default();
    let subscription = scene.bus.subscribe_batches(options, of(3), handler).await.unwrap();
    scene.publish(&["a", "b", "c"]).await;
    let stats = subscription.wait_until(|stats| stats.handled == 3).await;
    assert_eq!(stats.dead_letters, 0);
    assert_eq!((seen.sizes(), &*seen.all()[1]), (vec![3, 1], &["b".to_owned()][..]));
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_an_event_that_was_not_given_fails_those_without_one_of_their_own() {
    let scene = Scene::new();
    let handler = batch_fn(|batch: EventBatch| async move {
        let mut outcome = BatchOutcome::all_done();
        let a = batch.events().position(|event| name(event) == "a");
        outcome.done(a.unwrap());
        outcome.fail(batch.len(), HandlerError::fatal("off by one"));
        Ok(outcome)
    });
    let subscription = scene.bus.subscribe_batches(options(), of(3), handler).await.unwrap();
    scene.publish(&["a", "b", "c"]).await;
    let stats = subscription.wait_until(|stats| stats.handled + stats.dead_letters == 3).await;
    assert_eq!((stats.handled, stats.dead_letters), (1, 2));
    let letters = scene.letters().await;
    assert!(
        letters.iter().all(|letter| letter.death.errors[0].contains("answered for event 3 of a batch of 3"))
    );
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_and_a_panic_fail_every_event_of_the_batch_as_what_they_are() {
    let scene = Scene::new();
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let noted = kinds.clone();
    let mut options = options();
    options.hooks = Hooks::default().on_fatal(move |failed| {
        noted.lock().unwrap().push((failed.failure.kind, failed.failure.words.clone()))
    });
    let panics = AtomicBool::new(false);
    let handler = batch_fn(move |_: EventBatch| {
        let panics = panics.fetch_xor(true, Ordering::SeqCst);
        async move {
            assert!(!panics, "in a batch");
            Err(HandlerError::fatal("the table is gone"))
        }
    });
    let subscription = scene.bus.subscribe_batches(options, of(2), handler).await.unwrap();
    scene.publish(&["a", "b"]).await;
    subscription.wait_until(|stats| stats.dead_letters == 2).await;
    scene.publish(&["c", "d"]).await;
    subscription.wait_until(|stats| stats.dead_letters == 4).await;
    let kinds = kinds.lock().unwrap().clone();
    let words = |at: usize| kinds[at].1.join("; ");
    assert_eq!((kinds[0].0, kinds[1].0), (FailureKind::Error, FailureKind::Error));
    assert_eq!((words(0), words(1)), (words(1), "the batch failed; the table is gone".to_owned()));
    assert_eq!((kinds[2].0, kinds[3].0), (FailureKind::Panic, FailureKind::Panic));
    assert!(words(2).contains("in a batch"));
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_runs_out_of_time_leaves_the_batch_to_the_others_and_comes_again_after_it() {
    let (scene, seen) = (Scene::new(), Seen::default());
    let (noted, clock) = (seen.clone(), scene.clock.clone());
    let (running, beside) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let peak = beside.clone();
    let handler = batch_fn(move |batch: EventBatch| {
        noted.note(&batch);
        let (clock, running, beside) = (clock.clone(), running.clone(), beside.clone());
        async move {
            beside.fetch_max(running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            let slow = batch.len() == 2;
            clock.wake_at(clock.monotonic() + Duration::from_secs(if slow { 20 } else { 1 })).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(BatchOutcome::all_done())
        }
    });
    let mut options = options();
    options.workers = 1;
    options.processing_timeout = Duration::from_secs(60);
    options.retry = RetryPolicy { max_retries: 20, ..RetryPolicy::default() };
    options.router = options.router.timeout_by(|event| {
        let short = event.payload() == "a";
        short.then_some(Duration::from_secs(4))
    });
    let subscription = scene.bus.subscribe_batches(options, of(2), handler).await.unwrap();
    // The first leads, and is the one that leaves.
    scene.publish(&["a", "b"]).await;
    let stats = subscription.wait_until(|stats| stats.handled == 2).await;
    assert!(stats.dead_letters == 0 && stats.retries > 1);
    assert_eq!(seen.all(), [vec!["a", "b"], vec!["a"]]);
    assert_eq!(peak.load(Ordering::SeqCst), 0, "its next attempt ran beside the one that it left");
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_hangs_is_dropped_with_its_last_event_and_holds_nobody_up() {
    struct Flag(Arc<AtomicUsize>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let scene = Scene::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let (flags, hung) = (dropped.clone(), AtomicBool::new(false));
    let handler = batch_fn(move |_: EventBatch| {
        let flag = Flag(flags.clone());
        let hangs = !hung.swap(true, Ordering::SeqCst);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            drop(flag);
            Ok(BatchOutcome::all_done())
        }
    });
    let mut options = options();
    options.processing_timeout = Duration::from_secs(10);
    options.max_in_flight = 2;
    let subscription = scene.bus.subscribe_batches(options, of(2), handler).await.unwrap();
    scene.publish(&["a", "b"]).await;
    let stats = subscription.wait_until(|stats| stats.dead_letters == 2).await;
    assert_eq!((stats.handled, dropped.load(Ordering::SeqCst)), (0, 1));
    // Both permits are back.
    scene.publish(&["c", "d"]).await;
    subscription.wait_until(|stats| stats.handled == 2).await;
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_drops_what_still_gathers_and_it_is_handled_by_the_next() {
    let (scene, seen) = (Scene::new(), Seen::default());
    let noted = seen.clone();
    let handler = batch_fn(move |batch: EventBatch| {
        noted.note(&batch);
        async { Ok(BatchOutcome::all_done()) }
    });
    let subscription = scene.bus.subscribe_batches(options(), of(9), handler.clone()).await.unwrap();
    scene.publish(&["a", "b"]).await;
    subscription.wait_until(|stats| stats.lanes.active == 2).await;
    subscription.close(Duration::ZERO).await;
    assert_eq!((subscription.stats().retries, seen.sizes()), (0, vec![]));
    let again = scene.bus.subscribe_batches(options(), of(2), handler).await.unwrap();
    again.wait_until(|stats| stats.handled == 2).await;
    assert_eq!(seen.sizes(), [2]);
    scene.bus.close(LONG).await;
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_work_are_refused_all_at_once() {
    let scene = Scene::new();
    let handler = || batch_fn(|_: EventBatch| async { Ok(BatchOutcome::all_done()) });
    let mut options = options();
    options.max_in_flight = 0;
    let none = BatchOptions { size: 0, max_wait: Duration::ZERO };
    let refused = scene.bus.subscribe_batches(options, none, handler()).await.unwrap_err();
    let SubscriptionError::Config(refused) = refused else { panic!("{refused}") };
    let fields: Vec<_> = refused.faults().iter().map(laneway_domain::Invalid::field).collect();
    assert_eq!(fields, ["max_in_flight", "batch.size", "batch.max_wait"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_handler_publishes_as_a_handler() {
    // While the bus closes, callers are refused and handlers are not.
    let scene = Scene::new();
    let (bus, clock) = (scene.bus.clone(), scene.clock.clone());
    let handler = batch_fn(move |_: EventBatch| {
        let (bus, clock) = (bus.clone(), clock.clone());
        async move {
            clock.wake_at(clock.monotonic() + Duration::from_secs(1)).await;
            let elsewhere = laneway_domain::TopicName::new("elsewhere")?;
            bus.publish(laneway_domain::Envelope::new(elsewhere, "x")).await?;
            Ok(BatchOutcome::all_done())
        }
    });
    let subscription = scene.bus.subscribe_batches(options(), of(1), handler).await.unwrap();
    scene.publish(&["a"]).await;
    subscription.wait_until(|stats| stats.lanes.active == 1).await;
    scene.bus.close(LONG).await;
    assert_eq!(subscription.stats().handled, 1);
}

/// Many threads, real time, and events that leave in the midst of everything: a wake-up that is lost ends in a hang.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost_between_threads() {
    let scene = Scene::on(Arc::new(laneway_application::SystemClock::new()));
    let handler = batch_fn(move |batch: EventBatch| async move {
        let mut outcome = BatchOutcome::all_done();
        for (index, member) in batch.iter().enumerate() {
            tokio::task::yield_now().await;
            if member.attempt == 1 && member.event.position().value() % 7 == 0 {
                outcome.fail(index, HandlerError::retryable("every seventh"));
            }
        }
        Ok(outcome)
    });
    let mut options = options();
    options.workers = 4;
    options.max_in_flight = 64;
    let first = Duration::from_micros(50);
    options.retry = RetryPolicy { initial_interval: first, max_retries: 50, ..RetryPolicy::default() };
    options.router = options.router.timeout_by(|event| {
        let hasty = event.payload().ends_with(b"3");
        hasty.then_some(Duration::from_micros(150))
    });
    let batches = BatchOptions { size: 8, max_wait: Duration::from_micros(100) };
    let subscription = scene.bus.subscribe_batches(options, batches, handler).await.unwrap();
    let names: Vec<String> = (0..200).map(|at| format!("order:{at}")).collect();
    for _ in 0..20 {
        scene.bus.publish_batch(names.iter().map(|name| event(name)).collect()).await;
    }
    let is_over = |done: u64, open: usize| done == 4_000 && open == 0;
    let over = subscription.wait_until(|stats| is_over(stats.handled + stats.dead_letters, stats.open));
    assert!(over.await.retries > 0);
    scene.bus.close(LONG).await;
}

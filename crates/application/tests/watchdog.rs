//! The watchdog of a subscription: a standstill is noticed, said, and over once something goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::backlog::{
    Diagnosis, StallReason, WatchdogCallbacks, WatchdogOptions, WatchdogPolicy,
};
use laneway_application::consume::{Ground, SubscriptionError, SubscriptionOptions};
use laneway_application::{Bus, SystemClock};
use laneway_domain::invariant::{Happening, Invariant, Limits, MemberId};
use laneway_domain::{AggregateId, Clock, Envelope, Event, GroupId, TopicName, handler_fn};
use laneway_memory::{MemoryBroker, MemoryConfig};
use laneway_testkit::SimClock;
use laneway_testkit::history::Recorder;
use tokio::sync::Notify;

fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

fn bus(clock: Arc<dyn Clock>) -> Bus {
    let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
    Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters: None, clock })
}

fn options(watchdog: WatchdogOptions) -> SubscriptionOptions {
    SubscriptionOptions {
        workers: 2,
        max_in_flight: 3,
        processing_timeout: Duration::from_secs(3_600),
        watchdog: Some(watchdog),
        seed: Some(7),
        ..SubscriptionOptions::new(GroupId::new("g").unwrap(), [topic()])
    }
}

async fn publish(bus: &Bus, names: &[&'static str]) {
    for name in names {
        let aggregate = AggregateId::new(*name).unwrap();
        bus.publish(Envelope::new(topic(), *name).with_aggregate(aggregate)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_standstill_is_said_with_its_reasons_once_and_over_when_something_ends() {
    let (bus, told) = (bus(SimClock::shared()), Arc::new(Mutex::new(Vec::<Arc<Diagnosis>>::new())));
    let note = told.clone();
    let callbacks = WatchdogCallbacks::new()
        .on_stall(move |diagnosis| {
            note.lock().unwrap().push(diagnosis);
            async { Ok::<(), io::Error>(()) }
        })
        .on_stall(|_| async {
            pending::<()>().await;
            Ok::<(), io::Error>(())
        });
    let watchdog = WatchdogOptions { callbacks, ..WatchdogOptions::default() };
    let ends = Arc::new(Notify::new());
    let end = ends.clone();
    let work = handler_fn(move |_| {
        let end = end.clone();
        async move {
            end.notified().await;
            Ok(())
        }
    });
    let subscription = bus.subscribe(options(watchdog), work).await.unwrap();
    publish(&bus, &["a", "b", "c", "d"]).await;
    let mut health = subscription.watch_health();
    let stalled = health.wait_for(|health| health.stalled.is_some()).await.unwrap().clone();
    let said = stalled.stalled.clone().unwrap();
    assert!(said.contains("every permit is taken") && !stalled.is_good(), "{said}");
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!((told.lock().unwrap().len(), subscription.stats().stalls), (1, 1), "said once");
    let diagnosis = told.lock().unwrap()[0].clone();
    assert_eq!(diagnosis.reasons[0], StallReason::NoPermits);
    assert_eq!((diagnosis.vitals.open, diagnosis.vitals.lanes.active), (4, 3));
    ends.notify_waiters();
    health.wait_for(|health| health.stalled.is_none()).await.unwrap();
    assert!(subscription.health().is_good());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_without_work_is_never_stalled() {
    let bus = bus(SimClock::shared());
    let work = handler_fn(|_| async { Ok(()) });
    let subscription = bus.subscribe(options(WatchdogOptions::default()), work).await.unwrap();
    publish(&bus, &["a"]).await;
    subscription.wait_until(|stats| stats.handled == 1).await;
    for _ in 0..200 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!((subscription.stats().stalls, subscription.health().stalled), (0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_its_thread_is_named_while_others_go_on() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (bus, recorder) = (bus(clock.clone()), Recorder::new(clock));
    let policy = WatchdogPolicy { blocked: Duration::from_millis(50), ..WatchdogPolicy::default() };
    let watchdog =
        WatchdogOptions { policy, interval: Duration::from_millis(10), ..WatchdogOptions::default() };
    let (free, freed) = std::sync::mpsc::channel::<()>();
    let (freed, member, blocks) = (Mutex::new(freed), MemberId(0), recorder.clone());
    let freed = Arc::new(freed);
    let work = handler_fn(move |event: Event| {
        let (freed, blocks) = (freed.clone(), blocks.clone());
        async move {
            if event.payload().as_ref() == b"blocks" {
                blocks.record(Happening::ThreadBlocked { member });
                // What no handler should do, and some do.
                let _ = freed.lock().unwrap().recv();
            }
            Ok(())
        }
    });
    let subscription = bus.subscribe(options(watchdog), work).await.unwrap();
    publish(&bus, &["blocks"]).await;
    let mut health = subscription.watch_health();
    let stalled = health.wait_for(|health| health.stalled.is_some()).await.unwrap().stalled.clone();
    recorder.record(Happening::BlockNamed { member });
    let said = stalled.unwrap();
    assert!(said.contains("blocks the thread of worker"), "{said}");
    publish(&bus, &["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    subscription.wait_until(|stats| stats.handled >= 1).await;
    free.send(()).unwrap();
    subscription.wait_until(|stats| stats.handled == 9).await;
    health.wait_for(|health| health.stalled.is_none()).await.unwrap();
    assert_eq!(Invariant::I20.violations(&recorder.history(), &Limits::default()), []);
    bus.close(Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn absurd_settings_are_refused_all_at_once() {
    let policy = WatchdogPolicy { patience: Duration::ZERO, blocked: Duration::ZERO };
    let absurd = WatchdogOptions { policy, interval: Duration::ZERO, ..WatchdogOptions::default() };
    let refused = bus(SimClock::shared()).subscribe(options(absurd), handler_fn(|_| async { Ok(()) })).await;
    let Err(SubscriptionError::Config(error)) = refused else { panic!("taken") };
    assert_eq!(error.faults().len(), 3, "{error}");
}

//! The backlog monitor on the memory broker, on virtual time.
#![allow(clippy::unwrap_used)]

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use async_trait::async_trait;
use laneway::backlog::PublisherBacklog;
use laneway::backlog::{
    BacklogCallbacks, BacklogMonitor, BacklogReport, BacklogSettings, BacklogThresholds, BacklogWatch,
    CallbackCounts,
};
use laneway::consume::{Ground, SubscriptionOptions};
use laneway::domain::{
    BacklogChecker, BacklogError, Envelope, Event, Flushed, GroupId, Monotonic, Outgoing, PartitionLag,
    PartitionNumber, PublishError, Published, Publisher, PublisherCapabilities, Timestamp, TopicName,
    handler_fn,
};
use laneway::memory::{MemoryBroker, MemoryConfig};
use laneway::{Bus, EventBus};
use laneway_testkit::SimClock;

const INTERVAL: Duration = Duration::from_secs(5);

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn group(name: &str) -> GroupId {
    GroupId::new(name).unwrap()
}

fn settings(group_name: &str, topics: &[&str]) -> BacklogSettings {
    let topics = topics.iter().map(|name| topic(name)).collect();
    let mut settings = BacklogSettings::new([BacklogWatch { group: group(group_name), topics }]);
    settings.thresholds = BacklogThresholds { events: 10, age: Duration::from_secs(60) };
    settings
}

async fn publish(bus: &EventBus, name: &str, events: usize) {
    let events = (0..events).map(|n| Envelope::new(topic(name), n.to_string())).collect();
    for answer in bus.publish_batch(events).await {
        answer.unwrap();
    }
}

fn bus() -> EventBus {
    EventBus::builder().clock(SimClock::shared()).build().unwrap()
}

/// Callbacks that write down what they were called for, and what they saw.
fn journal() -> (BacklogCallbacks, Arc<Mutex<Vec<String>>>) {
    let journal: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = |what: &'static str, journal: &Arc<Mutex<Vec<String>>>| {
        let journal = journal.clone();
        move |report: Arc<BacklogReport>| {
            let line = format!("{what} {} {:?}", report.groups[0].events, report.affected_topics());
            journal.lock().unwrap().push(line);
            async { Ok::<(), io::Error>(()) }
        }
    };
    let callbacks =
        BacklogCallbacks::new().on_backlog(note("backlog", &journal)).on_clear(note("clear", &journal));
    (callbacks, journal)
}

#[tokio::test(start_paused = true)]
async fn a_backlog_by_count_is_told_at_every_check_and_its_end_once() {
    let bus = bus();
    publish(&bus, "orders", 7).await;
    publish(&bus, "mails", 2).await;
    let (callbacks, journal) = journal();
    let monitor = bus.watch_backlog(settings("g", &["orders", "mails"]), callbacks).unwrap();
    monitor.wait_for(|report| report.groups[0].events == 9).await;
    publish(&bus, "orders", 3).await;
    let begun = monitor.wait_for(|report| report.groups[0].events == 12).await.at;
    let again = monitor.wait_for(|report| report.at > begun).await;
    assert_eq!(again.at.since(begun), INTERVAL);
    let handled = handler_fn(|_: Event| async { Ok(()) });
    let options = SubscriptionOptions::new(group("g"), [topic("orders"), topic("mails")]);
    let subscription = bus.subscribe(options, handled).await.unwrap();
    let end = monitor.wait_for(|report| report.groups[0].events == 0).await;
    monitor.wait_for(|report| report.at > end.at).await;
    let told = journal.lock().unwrap().clone();
    let backlog = r#"backlog 12 ["orders", "mails"]"#;
    assert_eq!(told, [backlog, backlog, "clear 0 []"], "{told:?}");
    assert_eq!(monitor.callbacks(), CallbackCounts { called: 3, ..CallbackCounts::default() });
    subscription.close(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_single_old_event_is_a_backlog_by_the_age_that_it_has_and_not_by_when_it_was_seen() {
    let bus = bus();
    publish(&bus, "orders", 1).await;
    tokio::time::advance(Duration::from_secs(50)).await;
    publish(&bus, "mails", 1).await;
    let monitor = bus.watch_backlog(settings("g", &["orders", "mails"]), BacklogCallbacks::new()).unwrap();
    let first = monitor.wait_for(|_| true).await;
    assert_eq!((first.groups[0].oldest, first.over().count()), (Some(Duration::from_secs(50)), 0));
    let over = monitor.wait_for(|report| report.over().count() > 0).await;
    assert_eq!(over.groups[0].oldest, Some(Duration::from_secs(60)));
    assert_eq!(over.affected_topics(), [&topic("orders")]);
    assert_eq!(over.publisher, Some(PublisherBacklog::sending(0)));
}

#[tokio::test(start_paused = true)]
async fn callbacks_that_hang_fail_or_panic_are_cut_off_and_counted_and_stop_nobody() {
    let bus = bus();
    publish(&bus, "orders", 10).await;
    let (calls, dropped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (called, told) = (calls.clone(), dropped.clone());
    let callbacks = BacklogCallbacks::new()
        .on_backlog(move |_| {
            let alive = Alive(told.clone());
            async move {
                pending::<()>().await;
                drop(alive);
                Ok::<(), io::Error>(())
            }
        })
        .on_backlog(|_| async { Err(io::Error::other("no mail server")) })
        .on_check(|_| async { panic!("in a callback") as Result<(), io::Error> })
        .on_backlog(|report| {
            assert!(report.groups.is_empty(), "panics before its first await");
            async { Ok::<(), io::Error>(()) }
        })
        .on_backlog(move |_| {
            called.fetch_add(1, Ordering::SeqCst);
            async { Ok::<(), io::Error>(()) }
        });
    let monitor = bus.watch_backlog(settings("g", &["orders"]), callbacks).unwrap();
    let first = monitor.wait_for(|_| true).await;
    let second = monitor.wait_for(|report| report.at > first.at).await;
    assert_eq!(second.at.since(first.at), INTERVAL, "a check waited for a callback");
    tokio::time::advance(Duration::from_secs(3)).await;
    while monitor.callbacks().called < 10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(monitor.callbacks(), CallbackCounts { called: 10, failed: 2, panicked: 4, cut_off: 2 });
    assert!(calls.load(Ordering::SeqCst) == 2 && dropped.load(Ordering::SeqCst));
}

/// Says when it is dropped.
struct Alive(Arc<AtomicBool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_monitor_ends_its_checks_and_the_calls_under_way() {
    let bus = bus();
    let (begun, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (told, alive) = (begun.clone(), dropped.clone());
    publish(&bus, "orders", 1).await;
    let callbacks = BacklogCallbacks::new().on_check(move |_| {
        told.store(true, Ordering::SeqCst);
        let alive = Alive(alive.clone());
        async move {
            let _alive = alive;
            pending::<Result<(), io::Error>>().await
        }
    });
    let monitor = bus.watch_backlog(settings("g", &["orders"]), callbacks).unwrap();
    monitor.wait_for(|_| true).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(begun.load(Ordering::SeqCst) && !dropped.load(Ordering::SeqCst));
    drop(monitor);
    while !dropped.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_does_not_exist_is_named_and_hides_no_other() {
    let bus = bus();
    publish(&bus, "orders", 3).await;
    let monitor = bus.watch_backlog(settings("g", &["none", "orders"]), BacklogCallbacks::new()).unwrap();
    let report = monitor.wait_for(|_| true).await;
    assert_eq!((report.groups[0].events, &report.groups[0].missing), (3, &vec![topic("none")]));
}

#[tokio::test(start_paused = true)]
async fn settings_that_break_rules_start_no_monitor() {
    let error = bus().watch_backlog(BacklogSettings::new([]), BacklogCallbacks::new()).unwrap_err();
    assert!(error.to_string().contains("backlog.watch"), "{error}");
}

/// A checker that behaves as the group's name says.
struct Moody(AtomicU64);

#[async_trait]
impl BacklogChecker for Moody {
    async fn backlog(&self, group: &GroupId, _: &[TopicName]) -> Result<Vec<PartitionLag>, BacklogError> {
        let call = self.0.fetch_add(1, Ordering::SeqCst);
        match group.as_str() {
            "hangs" => pending().await,
            "panics" => panic!("in an adapter"),
            // At first it tells a backlog, then nothing.
            "fails" if call >= 4 => {
                Err(BacklogError::Unavailable { reason: "no broker".to_owned(), cause: None })
            }
            _ => Ok(vec![PartitionLag {
                topic: topic("orders"),
                number: PartitionNumber(0),
                events: 100,
                exact: true,
                oldest: Some(Timestamp::default()),
                oldest_retained: None,
                owned: true,
            }]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_checker_that_hangs_fails_or_panics_spoils_no_other_group_and_changes_no_verdict() {
    let watch = ["hangs", "panics", "fails", "fine"]
        .map(|name| BacklogWatch { group: group(name), topics: vec![topic("orders")] });
    let settings = BacklogSettings { interval: Duration::from_secs(10), ..BacklogSettings::new(watch) };
    let (cleared, checker) = (Arc::new(AtomicBool::new(false)), Arc::new(Moody(AtomicU64::new(0))));
    let told = cleared.clone();
    let callbacks = BacklogCallbacks::new().on_clear(move |_| {
        told.store(true, Ordering::SeqCst);
        async { Ok::<(), io::Error>(()) }
    });
    let monitor = BacklogMonitor::start(checker, None, SimClock::shared(), settings, callbacks).unwrap();
    let first = monitor.wait_for(|_| true).await;
    assert_eq!(first.groups.iter().map(|group| group.over).collect::<Vec<_>>(), [false, false, true, true]);
    let second = monitor.wait_for(|report| report.groups[2].error.is_some()).await;
    assert!(second.at > first.at && second.groups[2].over, "an unanswered question clears nothing");
    let errors: Vec<_> = second.groups.iter().map(|group| group.error.clone().unwrap_or_default()).collect();
    assert!(
        errors[0].contains("no answer") && errors[1].contains("panicked") && errors[2].contains("no broker")
    );
    assert_eq!((errors[3].as_str(), second.groups[3].events), ("", 100));
    assert_eq!(second.groups[2].sample(), None);
    assert!(!cleared.load(Ordering::SeqCst));
}

/// A publisher whose broker never answers.
struct Mute(PublisherCapabilities);

#[async_trait]
impl Publisher for Mute {
    fn capabilities(&self) -> &PublisherCapabilities {
        &self.0
    }

    async fn publish(&self, _: Outgoing) -> Vec<Result<Published, PublishError>> {
        pending().await
    }

    async fn flush(&self, _: Monotonic) -> Flushed {
        Flushed::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_send_queue_holds_what_has_no_answer_and_nothing_that_nobody_waits_for() {
    let clock = SimClock::shared();
    let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
    let capabilities = *Publisher::capabilities(&*broker);
    let ground = Ground { subscriber: broker, dead_letters: None, clock };
    let bus = Bus::new(Arc::new(Mute(capabilities)), ground);
    let events = || vec![Envelope::new(topic("orders"), "x"), Envelope::new(topic("orders"), "y")];
    let gauge = bus.publisher_gauge();
    let mut waits = Box::pin(bus.publish_batch(events()));
    assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!((bus.sending(), gauge()), (2, PublisherBacklog::sending(2)));
    drop(waits);
    assert_eq!(bus.sending(), 0);
}

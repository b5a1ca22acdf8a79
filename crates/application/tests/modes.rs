//! What is kept in order, by the subscription's choice.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, SubscriptionOptions};
use laneway_application::policy::RetryPolicy;
use laneway_application::route::OrderingMode;
use laneway_domain::{
    AfterDeadLetter, AggregateId, Clock, Envelope, Event, GroupId, HandlerError, TopicName, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway_testkit::SimClock;

/// What happened: a start is `+`, an end is `-`.
type Diary = Arc<Mutex<Vec<String>>>;

/// Handles `a1 b1 a2 b2` of one partition, each for a second; `b1` dies.
async fn run(ordering: OrderingMode, after: AfterDeadLetter) -> (Vec<String>, u64) {
    let clock = Arc::new(SimClock::new());
    let config = MemoryConfig { partitions: 1, ..MemoryConfig::default() };
    let broker = Arc::new(MemoryBroker::new(config, clock.clone()).unwrap());
    let dead_letters = Some(Arc::new(MemoryDeadLetters::new()) as _);
    let bus = Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters, clock: clock.clone() });
    let topic = TopicName::new("orders").unwrap();
    let mut options = SubscriptionOptions::new(GroupId::new("g").unwrap(), [topic.clone()]);
    (options.ordering, options.retry) = (ordering, RetryPolicy::none());
    (options.after_dead_letter, options.workers) = (Some(after), 1);
    let diary = Diary::default();
    let (told, time) = (diary.clone(), clock.clone());
    let handler = handler_fn(move |event: Event| {
        let (told, clock) = (told.clone(), time.clone());
        async move {
            let name = String::from_utf8_lossy(event.payload()).into_owned();
            told.lock().unwrap().push(format!("+{name}"));
            clock.wake_at(clock.monotonic() + Duration::from_secs(1)).await;
            told.lock().unwrap().push(format!("-{name}"));
            if name == "b1" { Err(HandlerError::fatal("no")) } else { Ok(()) }
        }
    });
    let subscription = bus.subscribe(options, handler).await.unwrap();
    let event = |name: &'static str| {
        Envelope::new(topic.clone(), name).with_aggregate(AggregateId::new(&name[..1]).unwrap())
    };
    for answer in bus.publish_batch(["a1", "b1", "a2", "b2"].map(event).into()).await {
        answer.unwrap();
    }
    let all = |stats: &laneway_application::consume::SubscriptionStats| {
        stats.handled + stats.dead_letters + stats.parked == 4
    };
    let stats = subscription.wait_until(all).await;
    bus.close(Duration::from_secs(9)).await;
    let diary = diary.lock().unwrap().clone();
    (diary, stats.parked)
}

#[tokio::test(start_paused = true)]
async fn one_partition_is_one_lane_where_it_is_what_is_kept_in_order() {
    let (diary, _) = run(OrderingMode::PerPartition, AfterDeadLetter::Skip).await;
    assert_eq!(diary, ["+a1", "-a1", "+b1", "-b1", "+a2", "-a2", "+b2", "-b2"]);
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_dead_letter_in_a_partition_that_is_one_lane_is_parked_with_it() {
    let (diary, parked) = run(OrderingMode::PerPartition, AfterDeadLetter::Park).await;
    assert_eq!((diary, parked), (["+a1", "-a1", "+b1", "-b1"].map(str::to_owned).to_vec(), 2));
}

#[tokio::test(start_paused = true)]
async fn without_order_events_of_one_aggregate_run_at_once() {
    let (diary, parked) = run(OrderingMode::Unordered, AfterDeadLetter::Park).await;
    assert_eq!(diary[..4].iter().filter(|line| line.starts_with('+')).count(), 4, "{diary:?}");
    assert_eq!(parked, 0, "nothing stands behind an event without a lane");
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_is_one_lane_unless_something_else_is_said() {
    let (diary, _) = run(OrderingMode::default(), AfterDeadLetter::Skip).await;
    assert_eq!(diary[..2], ["+a1", "+b1"]);
    assert_eq!(diary[4..6].iter().filter(|line| line.starts_with('+')).count(), 2, "{diary:?}");
}

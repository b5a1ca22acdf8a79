//! What handlers need is down for longer than all retries take.

use std::sync::Arc;
use std::time::Duration;

use laneway::Bus;
use laneway::consume::{Ground, SubscriptionOptions};
use laneway::domain::{AggregateId, Clock, Envelope, Event, GroupId, HandlerError, TopicName, handler_fn};
use laneway::memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway::policy::BreakerPolicy;
use laneway_testkit::SimClock;

/// Forty aggregates, a minute without an answer, a breaker: how many events died, and how many were handled in the end.
pub(crate) fn dead_and_handled() -> (u64, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap_or_else(|error| panic!("{error}")).block_on(outage())
}

async fn outage() -> (u64, u64) {
    let clock = Arc::new(SimClock::new());
    let broker = MemoryBroker::new(MemoryConfig::default(), clock.clone());
    let broker = Arc::new(broker.unwrap_or_else(|error| panic!("{error:?}")));
    let dead_letters = Some(Arc::new(MemoryDeadLetters::new()) as _);
    let bus = Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters, clock: clock.clone() });
    let topic = TopicName::new("orders").unwrap_or_else(|error| panic!("{error}"));
    let group = GroupId::new("g").unwrap_or_else(|error| panic!("{error}"));
    let mut options = SubscriptionOptions::new(group, [topic.clone()]);
    (options.breaker, options.seed) = (Some(BreakerPolicy::default()), Some(7));
    options.retry.max_retries = 1;
    let (time, back) = (clock.clone(), clock.monotonic() + Duration::from_secs(60));
    let handler = handler_fn(move |_: Event| {
        let is_down = time.monotonic() < back;
        async move { if is_down { Err(HandlerError::retryable("down")) } else { Ok(()) } }
    });
    let subscription = bus.subscribe(options, handler).await.unwrap_or_else(|error| panic!("{error}"));
    let event = |n: usize| {
        AggregateId::new(format!("a{n}")).map(|id| Envelope::new(topic.clone(), "x").with_aggregate(id))
    };
    for answer in bus.publish_batch((0..40).filter_map(|n| event(n).ok()).collect()).await {
        answer.unwrap_or_else(|error| panic!("{error}"));
    }
    let stats =
        subscription.wait_until(|stats| stats.handled + stats.dead_letters + stats.parked >= 40).await;
    (stats.dead_letters + stats.parked, stats.handled)
}

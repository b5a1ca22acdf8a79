//! A memory bus with one topic and one group, on two threads.

use laneway::prelude::*;

/// Runs `work` on a runtime of its own.
pub fn on_two_threads<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// The topic.
pub fn topic() -> TopicName {
    TopicName::new("bench").unwrap()
}

/// A subscription of the group to the topic, as it is by default.
pub fn options() -> SubscriptionOptions {
    SubscriptionOptions::new(GroupId::new("bench").unwrap(), [topic()])
}

/// A bus whose partitions keep so many events.
pub fn keeping(retention_events: usize) -> EventBus {
    bus(MemoryConfig { retention_events, ..MemoryConfig::default() })
}

/// A bus over a broker of these settings.
pub fn bus(config: MemoryConfig) -> EventBus {
    EventBus::builder().memory(config).build().unwrap()
}

/// Publishes a batch of which nothing may fail.
pub async fn publish(bus: &EventBus, events: impl IntoIterator<Item = Envelope>) {
    for answer in bus.publish_batch(events.into_iter().collect()).await {
        answer.unwrap();
    }
}

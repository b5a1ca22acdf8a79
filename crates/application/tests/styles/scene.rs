//! A bus on the memory broker and the virtual clock, and what its tests ask of it.

use std::sync::Arc;
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, SubscriptionOptions};
use laneway_application::policy::RetryPolicy;
use laneway_domain::{
    AfterDeadLetter, AggregateId, Clock, DeadLetter, DeadLetterDesk, Envelope, Event, Filter, GroupId,
    Monotonic, StoredLetter, TopicName,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway_testkit::SimClock;

pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) struct Scene {
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<dyn Clock>,
    letters: MemoryDeadLetters,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::on(SimClock::shared())
    }

    pub(crate) fn on(clock: Arc<dyn Clock>) -> Self {
        let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
        let letters = MemoryDeadLetters::new();
        let dead_letters = Some(Arc::new(letters.clone()) as _);
        let ground = Ground { subscriber: broker.clone(), dead_letters, clock: clock.clone() };
        Self { bus: Bus::new(broker, ground), clock, letters }
    }

    pub(crate) async fn publish(&self, aggregates: &[&str]) {
        for aggregate in aggregates {
            self.bus.publish(event(aggregate)).await.unwrap();
        }
    }

    pub(crate) async fn letters(&self) -> Vec<DeadLetter> {
        let listed = self.letters.list(&Filter::group(group()), None, 1_000).await.unwrap();
        listed.into_iter().filter_map(StoredLetter::into_dead).collect()
    }

    /// Lets so much time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.wake_at(self.clock.monotonic() + time).await;
    }

    /// How long something took.
    pub(crate) async fn time<T>(&self, what: impl Future<Output = T>) -> (Duration, T) {
        let from: Monotonic = self.clock.monotonic();
        let done = what.await;
        (self.clock.monotonic().since(from), done)
    }
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("orders").unwrap()
}

pub(crate) fn group() -> GroupId {
    GroupId::new("billing").unwrap()
}

/// Two workers, no second attempt.
pub(crate) fn options() -> SubscriptionOptions {
    let mut options = SubscriptionOptions::new(group(), [topic()]);
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    options.workers = 2;
    // The spread over workers decides who is first: the same in every run.
    options.seed = Some(1);
    options.retry = RetryPolicy::none();
    options
}

pub(crate) fn event(aggregate: &str) -> Envelope {
    Envelope::new(topic(), aggregate.to_owned()).with_aggregate(AggregateId::new(aggregate).unwrap())
}

pub(crate) fn name(event: &Event) -> String {
    event.aggregate().map(|id| id.as_str().to_owned()).unwrap_or_default()
}

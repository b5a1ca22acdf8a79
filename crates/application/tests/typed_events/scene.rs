//! A bus, a few events, and what became of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::consume::{Ground, Hooks, SubscriptionOptions, SubscriptionStats};
use laneway_application::policy::RetryPolicy;
use laneway_application::{Bus, SystemClock};
use laneway_derive::{DomainEvent, DomainEvents};
use laneway_domain::{
    AfterDeadLetter, Body, DeadLetter, DeadLetterQueue, DomainEvents, Envelope, EventType, Filter, GroupId,
    Handler, StoredLetter, TopicName,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use serde::{Deserialize, Serialize};

pub(crate) const TOPIC: TopicName = TopicName::from_static("orders");
pub(crate) const PLACED: EventType = EventType::from_static("order.placed");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 2, aggregate = "order", topic = "orders", crate = laneway_domain)]
pub(crate) struct Placed {
    pub(crate) order: u64,
    pub(crate) total: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.shipped", aggregate = "order", topic = "orders", crate = laneway_domain)]
pub(crate) struct Shipped {
    pub(crate) order: u64,
}

#[derive(Debug, PartialEq, DomainEvents)]
#[event(topic = "orders", crate = laneway_domain)]
pub(crate) enum OrderEvent {
    Placed(Placed),
    Shipped(Shipped),
}

pub(crate) fn placed(order: u64) -> Envelope {
    Placed { order, total: 5 }.envelope().unwrap()
}

pub(crate) fn shipped(order: u64) -> Envelope {
    Shipped { order }.envelope().unwrap()
}

/// What handlers noted, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, note: &str) -> usize {
        self.all().iter().filter(|known| *known == note).count()
    }
}

/// What became of the events.
pub(crate) struct Outcome {
    pub(crate) stats: SubscriptionStats,
    pub(crate) letters: Vec<DeadLetter>,
    /// What failed attempts said, each error with its sources.
    pub(crate) failures: Vec<String>,
}

impl Outcome {
    pub(crate) fn ended(&self) -> (u64, u64, u64) {
        (self.stats.handled, self.stats.retries, self.stats.dead_letters)
    }

    /// The only dead letter, whose event came through unchanged.
    pub(crate) fn letter_of(&self, event: &Envelope) -> &DeadLetter {
        let [letter] = &*self.letters else { panic!("{:?}", self.letters) };
        let Body::Event(buried) = &letter.original else { panic!("{letter:?}") };
        assert_eq!((buried.payload(), buried.event_type()), (event.payload(), event.event_type()));
        assert_eq!(buried.schema_version(), event.schema_version());
        letter
    }
}

/// Publishes events to a handler, and waits until each is handled or dead.
pub(crate) async fn run(handler: impl Handler, events: impl IntoIterator<Item = Envelope>) -> Outcome {
    let clock = Arc::new(SystemClock::new());
    let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
    let letters = MemoryDeadLetters::new();
    let dead_letters = Some(Arc::new(letters.clone()) as _);
    let bus = Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters, clock });
    let (group, failures) = (GroupId::new("g").unwrap(), Notes::default());
    let mut options = SubscriptionOptions::new(group.clone(), [TOPIC]);
    options.retry = RetryPolicy {
        max_retries: 3,
        initial_interval: Duration::from_millis(1),
        max_interval: Duration::from_millis(1),
        ..RetryPolicy::default()
    };
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    let (retried, died) = (failures.clone(), failures.clone());
    options.hooks = Hooks::default()
        .on_retryable(move |attempt| retried.add(attempt.failure.words.join(": ")))
        .on_fatal(move |attempt| died.add(attempt.failure.words.join(": ")));
    let subscription = bus.subscribe(options, handler).await.unwrap();
    let answers = bus.publish_batch(events.into_iter().collect()).await;
    let all = answers.into_iter().map(Result::unwrap).count() as u64;
    let ended = |stats: &SubscriptionStats| stats.handled + stats.dead_letters == all && stats.open == 0;
    let stats = subscription.wait_until(ended).await;
    let listed = letters.desk().unwrap().list(&Filter::group(group), None, 100).await.unwrap();
    let letters = listed.into_iter().filter_map(StoredLetter::into_dead).collect();
    bus.close(Duration::from_secs(10)).await;
    Outcome { stats, letters, failures: failures.all() }
}

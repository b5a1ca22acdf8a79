//! A bus on memory, for tests of parking.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Subscription, SubscriptionOptions};
use laneway_application::policy::RetryPolicy;
use laneway_domain::{
    Act, AggregateId, AggregateKey, Answer, Asked, Body, By, DeadLetter, DeadLetterDesk, Death, DeathCause,
    DeskError, Envelope, Event, Filter, GroupId, HandlerError, HandlerMask, LetterId, ParkState,
    PartitionNumber, Position, StoredLetter, TopicName, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway_testkit::SimClock;

use crate::store::{Troubled, troubled};

/// A bus on memory, a handler that fails what it is told to, and what it handled.
pub(crate) struct World {
    pub(crate) bus: Bus,
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) letters: MemoryDeadLetters,
    pub(crate) store: Troubled,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) poison: Arc<Mutex<HashSet<String>>>,
    pub(crate) handled: Arc<Mutex<Vec<String>>>,
}

pub(crate) const REDRIVE: Act = Act::Redrive { per_second: None };

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(SimClock::new());
        let config = MemoryConfig { partitions: 1, ..MemoryConfig::default() };
        let broker = Arc::new(MemoryBroker::new(config, clock.clone()).unwrap());
        let letters = MemoryDeadLetters::new();
        let store = troubled(letters.clone(), clock.clone());
        let (poison, handled) = (Arc::default(), Arc::default());
        Self { bus: bus(&broker, &store, &clock), broker, letters, store, clock, poison, handled }
    }

    /// The same broker and letters under another process.
    pub(crate) fn restart(&mut self) {
        self.bus = bus(&self.broker, &self.store, &self.clock);
    }

    pub(crate) async fn subscribe(&self, change: impl FnOnce(&mut SubscriptionOptions)) -> Subscription {
        let mut options = SubscriptionOptions::new(group(), [topic()]);
        options.retry = RetryPolicy::none();
        change(&mut options);
        let (poison, handled) = (self.poison.clone(), self.handled.clone());
        let handler = handler_fn(move |event: Event| {
            let said = said(&event);
            let result = if poison.lock().unwrap().contains(&said) {
                Err(HandlerError::retryable("poison"))
            } else {
                handled.lock().unwrap().push(said);
                Ok(())
            };
            std::future::ready(result)
        });
        self.bus.subscribe(options, handler).await.unwrap()
    }

    pub(crate) fn poison(&self, what: &[&str]) {
        *self.poison.lock().unwrap() = what.iter().map(|what| (*what).to_owned()).collect();
    }

    pub(crate) async fn publish(&self, what: &[&str]) {
        for what in what {
            let (aggregate, _) = what.split_at(1);
            let event = Envelope::new(topic(), (*what).to_owned())
                .with_aggregate(AggregateId::new(aggregate).unwrap());
            self.bus.publish(event).await.unwrap();
        }
    }

    /// A dead letter of the only partition, as an owner before us buried it.
    pub(crate) fn letter(&self, what: &str, position: Position) -> DeadLetter {
        let at = SimClock::BIRTH;
        let (aggregate, _) = what.split_at(1);
        let event =
            Envelope::new(topic(), what.to_owned()).with_aggregate(AggregateId::new(aggregate).unwrap());
        DeadLetter {
            id: LetterId { group: group(), topic: topic(), partition: PartitionNumber(0), position },
            key: event.key(),
            appended: at,
            original: Body::Event(event),
            death: Death {
                cause: DeathCause::Exhausted,
                errors: vec!["poison".to_owned()],
                attempts: 1,
                first_failed: at,
                last_failed: at,
                handlers: HandlerMask::ALL,
            },
        }
    }

    pub(crate) fn handled(&self) -> Vec<String> {
        self.handled.lock().unwrap().clone()
    }

    /// What was handled of an aggregate.
    pub(crate) fn handled_of(&self, aggregate: &str) -> Vec<String> {
        self.handled().into_iter().filter(|said| said.starts_with(aggregate)).collect()
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        let clock: &dyn laneway_domain::Clock = &*self.clock;
        clock.wake_at(clock.monotonic() + time).await;
    }

    pub(crate) async fn stored(&self) -> Vec<StoredLetter> {
        self.letters.list(&Filter::group(group()), None, 1_000).await.unwrap()
    }

    /// What waits, with a word for why.
    pub(crate) async fn waiting(&self) -> Vec<String> {
        let word = |letter: StoredLetter| {
            let why = match letter.state {
                ParkState::Dead(_) => "dead",
                ParkState::Follower => "behind",
                ParkState::Backoff { .. } => "later",
            };
            let Body::Event(envelope) = letter.original else { unreachable!() };
            format!("{} {why}", String::from_utf8_lossy(envelope.payload()))
        };
        self.stored().await.into_iter().map(word).collect()
    }

    pub(crate) async fn ask(&self, filter: &Filter, act: Act) -> Result<Asked, DeskError> {
        self.letters.ask(filter, act, &by(), SimClock::BIRTH, false).await
    }

    pub(crate) async fn answers(&self) -> Vec<Answer> {
        let audit = self.letters.audit(&group(), None, 1_000).await.unwrap();
        audit.into_iter().filter_map(|(_, line)| line.answer).collect()
    }

    pub(crate) async fn answered(&self, answers: usize) -> Vec<Answer> {
        loop {
            let told = self.answers().await;
            if told.len() >= answers {
                return told;
            }
            self.pass(Duration::from_millis(100)).await;
        }
    }
}

pub(crate) fn bus(broker: &Arc<MemoryBroker>, store: &Troubled, clock: &Arc<SimClock>) -> Bus {
    let dead_letters = Some(Arc::new(store.clone()) as _);
    Bus::new(broker.clone(), Ground { subscriber: broker.clone(), dead_letters, clock: clock.clone() })
}

pub(crate) fn by() -> By {
    By::new("a test", "to see it").unwrap()
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("orders").unwrap()
}

pub(crate) fn group() -> GroupId {
    GroupId::new("billing").unwrap()
}

pub(crate) fn key(aggregate: &str) -> AggregateKey {
    AggregateKey { topic: topic(), tenant: None, id: AggregateId::new(aggregate).unwrap() }
}

pub(crate) fn said(event: &Event) -> String {
    String::from_utf8_lossy(event.payload()).into_owned()
}

pub(crate) const CLOSE: Duration = Duration::from_secs(5);

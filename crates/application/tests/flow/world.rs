//! A bus on memory and virtual time, and a handler that writes down when what started.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Subscription, SubscriptionError, SubscriptionOptions};
use laneway_application::policy::{FlowLimits, RateLimit, RetryPolicy};
use laneway_domain::{
    Act, AggregateId, By, Clock, DeadLetterDesk, Envelope, Event, Filter, GroupId, HandlerError, Monotonic,
    TenantId, TopicName, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway_testkit::SimClock;

/// What started, and how many milliseconds after the first.
pub(crate) type Starts = Vec<(String, u128)>;

pub(crate) struct World {
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<SimClock>,
    letters: MemoryDeadLetters,
    poison: Arc<Mutex<HashSet<String>>>,
    started: Arc<Mutex<Vec<(String, Monotonic)>>>,
}

pub(crate) const CLOSE: Duration = Duration::from_secs(60);

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(SimClock::new());
        let config = MemoryConfig { partitions: 4, ..MemoryConfig::default() };
        let broker = Arc::new(MemoryBroker::new(config, clock.clone()).unwrap());
        let letters = MemoryDeadLetters::new();
        let dead_letters = Some(Arc::new(letters.clone()) as _);
        let ground = Ground { subscriber: broker.clone(), dead_letters, clock: clock.clone() };
        let (poison, started) = (Arc::default(), Arc::default());
        Self { bus: Bus::new(broker, ground), clock, letters, poison, started }
    }

    /// Events take this long to handle, and die at once where they are poison, unless the options say otherwise.
    pub(crate) async fn subscribe(
        &self,
        takes: Duration,
        change: impl FnOnce(&mut SubscriptionOptions),
    ) -> Subscription {
        self.try_subscribe(takes, change).await.unwrap()
    }

    pub(crate) async fn try_subscribe(
        &self,
        takes: Duration,
        change: impl FnOnce(&mut SubscriptionOptions),
    ) -> Result<Subscription, SubscriptionError> {
        let mut options = SubscriptionOptions::new(group(), [topic()]);
        (options.workers, options.retry, options.seed) = (4, RetryPolicy::none(), Some(7));
        change(&mut options);
        let (poison, started, clock) = (self.poison.clone(), self.started.clone(), self.clock.clone());
        let handler = handler_fn(move |event: Event| {
            let (said, now) = (String::from_utf8_lossy(event.payload()).into_owned(), clock.monotonic());
            let dies = poison.lock().unwrap().contains(&said);
            started.lock().unwrap().push((said, now));
            let over = (!takes.is_zero()).then(|| clock.wake_at(now + takes));
            async move {
                if let Some(over) = over {
                    over.await;
                }
                if dies { Err(HandlerError::retryable("poison")) } else { Ok(()) }
            }
        });
        self.bus.subscribe(options, handler).await
    }

    pub(crate) fn poison(&self, what: &[&str]) {
        *self.poison.lock().unwrap() = what.iter().map(|what| (*what).to_owned()).collect();
    }

    pub(crate) async fn publish(&self, events: Vec<Envelope>) {
        for answer in self.bus.publish_batch(events).await {
            answer.unwrap();
        }
    }

    pub(crate) fn starts(&self) -> Starts {
        let started = self.started.lock().unwrap();
        let first = started.first().map_or(Monotonic::ZERO, |(_, at)| *at);
        started.iter().map(|(said, at)| (said.clone(), at.since(first).as_millis())).collect()
    }

    /// When each start was.
    pub(crate) fn times(&self) -> Vec<u128> {
        self.starts().into_iter().map(|(_, at)| at).collect()
    }

    /// What started of an aggregate, or of a tenant.
    pub(crate) fn starts_of(&self, prefix: &str) -> Starts {
        self.starts().into_iter().filter(|(said, _)| said.starts_with(prefix)).collect()
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.wake_at(self.clock.monotonic() + time).await;
    }

    pub(crate) async fn redrive_all(&self) {
        let (all, by) = (Filter::group(group()), By::new("a test", "to see it").unwrap());
        let redrive = Act::Redrive { per_second: None };
        self.letters.ask(&all, redrive, &by, SimClock::BIRTH, false).await.unwrap();
    }
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("orders").unwrap()
}

fn group() -> GroupId {
    GroupId::new("billing").unwrap()
}

/// `tenant/aggregate/number`, of this tenant and aggregate.
pub(crate) fn event(tenant: &str, aggregate: &str, number: usize) -> Envelope {
    let said = format!("{tenant}/{aggregate}/{number}");
    let aggregate = AggregateId::new(aggregate).unwrap();
    Envelope::new(topic(), said).with_tenant(TenantId::new(tenant).unwrap()).with_aggregate(aggregate)
}

/// So many events of so many aggregates, by turns.
pub(crate) fn events(tenant: &str, aggregates: usize, each: usize) -> Vec<Envelope> {
    let numbers = (0..each).flat_map(|number| (0..aggregates).map(move |aggregate| (number, aggregate)));
    numbers.map(|(number, aggregate)| event(tenant, &format!("a{aggregate}"), number)).collect()
}

pub(crate) fn limit(per_second: f64, burst: u32) -> RateLimit {
    RateLimit { per_second, burst }
}

pub(crate) fn of_subscription(per_second: f64, burst: u32) -> FlowLimits {
    FlowLimits { subscription: Some(limit(per_second, burst)), ..FlowLimits::default() }
}

pub(crate) fn of_tenant(tenant: &str, per_second: f64, burst: u32) -> FlowLimits {
    let tenants = [(TenantId::new(tenant).unwrap(), limit(per_second, burst))].into();
    FlowLimits { tenants, ..FlowLimits::default() }
}

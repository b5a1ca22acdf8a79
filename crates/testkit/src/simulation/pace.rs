//! How fast healthy aggregates are beside some that back off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, SubscriptionOptions};
use laneway_application::policy::RetryPolicy;
use laneway_domain::invariant::{Happening, History, Load};
use laneway_domain::{
    AggregateId, Clock, Envelope, Event, GroupId, Handler, HandlerContext, HandlerError, Invalid,
};
use tokio::sync::oneshot;

use super::chance::Chance;
use crate::conformance::{Adapter, Factory, Needs};
use crate::history::Recorder;

/// A load: aggregates whose handlers take their time, and some whose handlers fail at every attempt.
#[derive(Debug, Clone, Copy)]
struct Pace {
    partitions: u32,
    workers: usize,
    max_in_flight: usize,
    healthy: usize,
    failing: usize,
    /// Events of each aggregate.
    events: usize,
    /// How long a handler takes that succeeds.
    takes: Duration,
}

/// The aggregates that fail have names with this letter in front.
const FAILING: &str = "f";

/// Runs a load twice, without those that fail and beside them; a history of the two rates, for I6.
///
/// Time is virtual, so a rate says what waited for what, and nothing of the machine.
///
/// # Panics
/// Where the factory makes no adapter, or the machine no runtime.
#[must_use]
pub fn rates(seed: u64, factory: &dyn Factory) -> History {
    let pace = Pace::draw(&mut Chance::new(seed));
    let mut history = History::new();
    for (load, pace) in [(Load::Undisturbed, Pace { failing: 0, ..pace }), (Load::BesideRetries, pace)] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
        let measured = runtime.block_on(pace.measure(seed, factory));
        let per_second = measured.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        history.push(history.end(), Happening::RateSampled { load, per_second });
    }
    history
}

impl Pace {
    fn draw(chance: &mut Chance) -> Self {
        Self {
            partitions: u32::try_from(chance.between(1..=4)).unwrap_or(1),
            workers: chance.between(1..=3),
            max_in_flight: chance.between(1..=8),
            healthy: chance.between(1..=12),
            failing: chance.between(1..=12),
            events: chance.between(20..=40),
            takes: chance.millis(2..=20),
        }
    }

    /// Events per second of the aggregates that are in health.
    async fn measure(self, seed: u64, factory: &dyn Factory) -> Result<u64, String> {
        let needs = Needs { partitions: self.partitions, ..Needs::default() };
        let adapter = factory.adapter(needs).await;
        let recorder = Recorder::new(adapter.clock.clone());
        let (bus, options) = self.subscription(seed, &adapter).map_err(|error| error.to_string())?;
        for result in bus.publish_batch(self.load(&adapter).map_err(|error| error.to_string())?).await {
            result.map_err(|error| error.to_string())?;
        }
        let left = AtomicUsize::new(self.healthy * self.events);
        let (done, ended) = oneshot::channel();
        let done = Mutex::new(Some(done));
        let work = Steady { clock: adapter.clock.clone(), takes: self.takes, left, done };
        let began = recorder.now();
        bus.subscribe(options, work).await.map_err(|error| error.to_string())?;
        ended.await.map_err(|error| error.to_string())?;
        let nanos = recorder.now().since(began).as_nanos().max(1);
        let events = (self.healthy * self.events) as u128;
        u64::try_from(events * 1_000_000_000 / nanos).map_err(|error| error.to_string())
    }

    fn subscription(self, seed: u64, adapter: &Adapter) -> Result<(Bus, SubscriptionOptions), Invalid> {
        let ground = Ground {
            subscriber: adapter.subscriber.clone(),
            dead_letters: Some(adapter.dead_letters.clone()),
            clock: adapter.clock.clone(),
        };
        let group = GroupId::new(format!("{}g", adapter.group_prefix))?;
        let options = SubscriptionOptions {
            workers: self.workers,
            max_in_flight: self.max_in_flight,
            // Long enough that nobody gives up while it is measured.
            retry: RetryPolicy { max_retries: 1_000, jitter: 0.0, ..RetryPolicy::default() },
            codec: adapter.codec.clone(),
            seed: Some(seed),
            ..SubscriptionOptions::new(group, adapter.topics.iter().cloned())
        };
        Ok((Bus::new(adapter.publisher.clone(), ground), options))
    }

    /// Events of all aggregates in turn, so that those in health stand behind those that fail.
    fn load(self, adapter: &Adapter) -> Result<Vec<Envelope>, Invalid> {
        let failing = (0..self.failing).map(|at| format!("{FAILING}{at}"));
        let names: Vec<_> = failing.chain((0..self.healthy).map(|at| format!("h{at}"))).collect();
        let topic = &adapter.topics[0];
        let event = |name: &String| {
            Ok(Envelope::new(topic.clone(), "x").with_aggregate(AggregateId::new(name.clone())?))
        };
        (0..self.events).flat_map(|_| &names).map(event).collect()
    }
}

/// Takes its time, or fails at once.
struct Steady {
    clock: Arc<dyn Clock>,
    takes: Duration,
    left: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

impl Handler for Steady {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        _context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        if event.aggregate().is_some_and(|id| id.as_str().starts_with(FAILING)) {
            return Err(HandlerError::retryable("the load says so"));
        }
        self.clock.wake_at(self.clock.monotonic() + self.takes).await;
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
            done.into_iter().for_each(|done| done.send(()).unwrap_or_default());
        }
        Ok(())
    }
}

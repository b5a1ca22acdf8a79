//! Processes, one after the other: each has a runtime of its own, and a crash drops that with all that runs in it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::consume::{Ground, Subscription, SubscriptionError, SubscriptionOptions};
use laneway_application::{Bus, SystemClock};
use laneway_domain::{
    AfterDeadLetter, AggregateId, Clock, DeathCause, Envelope, Event, Filter, GroupId, HandlerError,
    ParkState, TopicName, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use tokio::sync::Notify;

use crate::spy::Spy;

/// What outlives a process.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) spy: Spy,
    pub(crate) letters: MemoryDeadLetters,
    /// What kills the process that handles it.
    pub(crate) killers: Arc<Mutex<BTreeSet<String>>>,
    /// What fails.
    pub(crate) failing: Arc<Mutex<BTreeSet<String>>>,
    /// How long a process may take to close.
    pub(crate) closes_within: Duration,
    /// What never ends.
    pub(crate) hanging: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) started: Arc<Mutex<Vec<String>>>,
    pub(crate) handled: Arc<Mutex<Vec<String>>>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Crashed,
    Closed,
}

/// How long a process may take; only a test that fails waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn group(name: &str) -> GroupId {
    GroupId::new(name).unwrap()
}

/// A subscription whose dead letters leave their lanes open.
pub(crate) fn options(name: &str) -> SubscriptionOptions {
    let mut options = SubscriptionOptions::new(group(name), [topic()]);
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    options.workers = 2;
    options
}

fn topic() -> TopicName {
    TopicName::new("orders").unwrap()
}

async fn after(time: Duration) {
    let clock = SystemClock::new();
    clock.wake_at(clock.monotonic() + time).await;
}

impl World {
    pub(crate) fn new(partitions: u32) -> Self {
        let config = MemoryConfig { partitions, ..MemoryConfig::default() };
        let broker = MemoryBroker::new(config, Arc::new(SystemClock::new())).unwrap();
        Self {
            spy: Spy::new(broker),
            letters: MemoryDeadLetters::new(),
            killers: Arc::default(),
            failing: Arc::default(),
            hanging: Arc::default(),
            closes_within: Duration::from_secs(5),
            started: Arc::default(),
            handled: Arc::default(),
        }
    }

    pub(crate) fn kill_by(&self, killers: &[&str]) {
        *self.killers.lock().unwrap() = killers.iter().map(|name| (*name).to_owned()).collect();
    }

    pub(crate) fn handled(&self, group: &str) -> Vec<String> {
        let handled = self.handled.lock().unwrap();
        handled.iter().filter_map(|said| said.strip_prefix(&format!("{group} "))).map(str::to_owned).collect()
    }

    /// Runs a process until one of its events kills it, it is killed when `outside` says so, or `done` holds of the world.
    pub(crate) fn run(
        &self,
        subscriptions: Vec<SubscriptionOptions>,
        outside: impl Future<Output = ()>,
        done: impl Fn(&Self) -> bool,
    ) -> End {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let end = runtime.block_on(async {
            let (bus, crash, progress) = (self.bus(), Arc::new(Notify::new()), Arc::new(Notify::new()));
            for options in subscriptions {
                self.subscribe(&bus, options, &crash, &progress).await.unwrap();
            }
            let through = async {
                loop {
                    let next = progress.notified();
                    if done(self) {
                        return;
                    }
                    // Dead letters tell nobody: they are looked for again.
                    tokio::select! {
                        () = next => {}
                        () = after(Duration::from_millis(5)) => {}
                    }
                }
            };
            let end = async {
                tokio::select! {
                    biased;
                    () = crash.notified() => End::Crashed,
                    () = outside => End::Crashed,
                    () = through => End::Closed,
                }
            };
            let end = tokio::select! {
                end = end => end,
                () = after(PATIENCE) => panic!("neither through nor crashed"),
            };
            if end == End::Closed {
                bus.close(self.closes_within).await;
            }
            end
        });
        drop(runtime);
        end
    }

    /// Restarts processes that crash until one is through; how many crashed.
    pub(crate) fn crashes(
        &self,
        subscriptions: impl Fn() -> Vec<SubscriptionOptions>,
        done: impl Fn(&Self) -> bool,
    ) -> usize {
        (0..50).find(|_| self.run(subscriptions(), std::future::pending(), &done) == End::Closed).unwrap()
    }

    pub(crate) fn bus(&self) -> Bus {
        self.bus_at(Arc::new(SystemClock::new()))
    }

    pub(crate) fn bus_at(&self, clock: Arc<dyn Clock>) -> Bus {
        let subscriber = Arc::new(self.spy.clone());
        let dead_letters = Some(Arc::new(self.letters.clone()) as _);
        Bus::new(Arc::new(self.spy.broker.clone()), Ground { subscriber, dead_letters, clock })
    }

    pub(crate) async fn subscribe(
        &self,
        bus: &Bus,
        options: SubscriptionOptions,
        crash: &Arc<Notify>,
        progress: &Arc<Notify>,
    ) -> Result<Subscription, SubscriptionError> {
        let (world, group) = (self.clone(), options.group.clone());
        let (crash, progress) = (crash.clone(), progress.clone());
        let handler = handler_fn(move |event: Event| {
            let (world, group) = (world.clone(), group.clone());
            let (crash, progress) = (crash.clone(), progress.clone());
            async move {
                let name = String::from_utf8_lossy(event.payload()).into_owned();
                let said = format!("{group} {name}");
                world.started.lock().unwrap().push(said.clone());
                if world.killers.lock().unwrap().contains(&said) {
                    crash.notify_one();
                    std::future::pending::<()>().await;
                }
                tokio::task::yield_now().await;
                if world.hanging.lock().unwrap().contains(&name) {
                    std::future::pending::<()>().await;
                }
                if world.failing.lock().unwrap().contains(&name) {
                    return Err(HandlerError::retryable("it fails"));
                }
                world.handled.lock().unwrap().push(said);
                progress.notify_one();
                Ok(())
            }
        });
        bus.subscribe(options, handler).await
    }

    /// Publishes events: an aggregate, none where it is empty, and names.
    pub(crate) fn publish(&self, aggregate: &str, names: impl IntoIterator<Item = String>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let bus = self.bus();
            for name in names {
                let event = Envelope::new(topic(), name);
                let id = AggregateId::new(aggregate).ok();
                bus.publish(match id {
                    Some(id) => event.with_aggregate(id),
                    None => event,
                })
                .await
                .unwrap();
            }
        });
    }

    /// Publishes one event by a bus that is there.
    pub(crate) async fn publish_by(&self, bus: &Bus, aggregate: &str, name: &'static str) {
        let event = Envelope::new(topic(), name).with_aggregate(AggregateId::new(aggregate).unwrap());
        bus.publish(event).await.unwrap();
    }

    /// How many dead letters group `g` has; asked while a process runs.
    pub(crate) fn dead_count(&self) -> usize {
        self.dead_counts()[0]
    }

    /// The same of groups `g` and `other`.
    pub(crate) fn dead_counts(&self) -> [usize; 2] {
        let count = || ["g", "other"].map(|name| self.dead(name).len());
        // A runtime in a runtime needs a thread of its own.
        std::thread::scope(|scope| scope.spawn(count).join().unwrap())
    }

    /// How many entries wait in the store for group `g`; asked while a process runs.
    pub(crate) fn entries(&self) -> usize {
        let list = async {
            laneway_domain::DeadLetterDesk::list(&self.letters, &Filter::group(group("g")), None, 99).await
        };
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        std::thread::scope(|scope| scope.spawn(|| runtime().block_on(list).unwrap().len()).join().unwrap())
    }

    /// The dead letters of a group, with their causes.
    pub(crate) fn dead(&self, name: &str) -> Vec<(String, DeathCause)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let list = async {
            laneway_domain::DeadLetterDesk::list(&self.letters, &Filter::group(group(name)), None, 1_000)
                .await
        };
        let letters = runtime.block_on(list).unwrap();
        let dead = letters.into_iter().filter_map(|letter| {
            let ParkState::Dead(death) = letter.state else { return None };
            let laneway_domain::Body::Event(event) = letter.original else { unreachable!() };
            Some((String::from_utf8_lossy(event.payload()).into_owned(), death.cause))
        });
        dead.collect()
    }
}

/// Events called after their aggregate.
pub(crate) fn names(aggregate: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{aggregate}{n}")).collect()
}

//! A bus, a handler that takes its time, and a journal of the modes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, SubscriptionOptions};
use laneway_application::recovery::{
    RecoveryCallbacks, RecoveryMode, RecoveryNews, RecoveryOptions, RecoveryPolicy,
};
use laneway_domain::invariant::{Happening, History, Invariant, Limits};
use laneway_domain::{
    AggregateId, Clock, Envelope, Event, GroupId, Handler, Monotonic, TopicName, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig};
use laneway_testkit::SimClock;

pub(crate) const HYSTERESIS: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bus: Bus,
    pub(crate) journal: Arc<Mutex<Vec<RecoveryNews>>>,
    /// Handlers that run, and the most at once since somebody looked.
    pub(crate) running: Arc<AtomicUsize>,
    pub(crate) most: Arc<AtomicUsize>,
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(MemoryConfig { partitions: 2, ..MemoryConfig::default() })
    }

    pub(crate) fn with(config: MemoryConfig) -> Self {
        let clock = SimClock::shared();
        let broker = Arc::new(MemoryBroker::new(config, clock.clone()).unwrap());
        let ground = Ground { subscriber: broker.clone(), dead_letters: None, clock: clock.clone() };
        let bus = Bus::new(broker, ground);
        let (running, most) = (Arc::default(), Arc::default());
        Self { clock, bus, journal: Arc::default(), running, most }
    }

    /// A recovery from 100 events on until 10 are left, that writes into the journal.
    pub(crate) fn recovery(&self) -> RecoveryOptions {
        let policy = RecoveryPolicy {
            enter_events: 100,
            exit_events: 10,
            hysteresis: HYSTERESIS,
            ..RecoveryPolicy::default()
        };
        let interval = seconds(1);
        RecoveryOptions { policy, interval, callbacks: self.callbacks(), ..RecoveryOptions::default() }
    }

    pub(crate) fn callbacks(&self) -> RecoveryCallbacks {
        let note = |journal: &Arc<Mutex<Vec<RecoveryNews>>>| {
            let journal = journal.clone();
            move |news: Arc<RecoveryNews>| {
                journal.lock().unwrap().push((*news).clone());
                async {}
            }
        };
        RecoveryCallbacks::new().on_switch(note(&self.journal)).on_progress(note(&self.journal))
    }

    /// 10 handlers at once in normal times.
    pub(crate) fn options(&self, topics: &[&str]) -> SubscriptionOptions {
        SubscriptionOptions {
            max_in_flight: 10,
            workers: 2,
            seed: Some(7),
            recovery: Some(self.recovery()),
            ..SubscriptionOptions::new(GroupId::new("g").unwrap(), topics.iter().map(|name| topic(name)))
        }
    }

    /// Publishes events of 1,000 aggregates in turn.
    pub(crate) async fn publish(&self, name: &str, events: usize) {
        let event = |n: usize| {
            let aggregate = AggregateId::new(format!("a{}", n % 1_000)).unwrap();
            Envelope::new(topic(name), n.to_string()).with_aggregate(aggregate)
        };
        for answer in self.bus.publish_batch((0..events).map(event).collect()).await {
            answer.unwrap();
        }
    }

    /// A handler that takes as long as `takes` says where so many run.
    pub(crate) fn handler(&self, takes: impl Fn(usize) -> Duration + Send + Sync + 'static) -> impl Handler {
        let (clock, running, most) = (self.clock.clone(), self.running.clone(), self.most.clone());
        let takes = Arc::new(takes);
        handler_fn(move |_: Event| {
            let (clock, running) = (clock.clone(), running.clone());
            let (most, takes) = (most.clone(), takes.clone());
            async move {
                let run = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(run, Ordering::SeqCst);
                clock.wake_at(clock.monotonic() + takes(run)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        })
    }

    /// The switches so far, with their time.
    pub(crate) fn switches(&self) -> Vec<(Monotonic, RecoveryMode)> {
        let journal = self.journal.lock().unwrap();
        let since = |news: &RecoveryNews| Monotonic::ZERO + news.at.since(SimClock::BIRTH);
        journal.iter().filter_map(|news| Some((since(news), news.switched?.to))).collect()
    }

    pub(crate) fn modes(&self) -> Vec<RecoveryMode> {
        self.switches().into_iter().map(|(_, mode)| mode).collect()
    }

    /// Sees that the switches keep I16.
    pub(crate) fn judge(&self) {
        let mut history = History::new();
        for news in self.journal.lock().unwrap().iter() {
            let Some(switched) = news.switched else { continue };
            let (group, from, to) = (news.group.clone(), switched.from, switched.to);
            let at = Monotonic::ZERO + news.at.since(SimClock::BIRTH);
            history.push(at, Happening::RecoverySwitched { group, from, to });
        }
        let limits = Limits { hysteresis: HYSTERESIS, ..Limits::default() };
        assert_eq!(Invariant::I16.violations(&history, &limits), []);
    }

    pub(crate) async fn wait(&self, time: Duration) {
        self.clock.wake_at(self.clock.monotonic() + time).await;
    }
}

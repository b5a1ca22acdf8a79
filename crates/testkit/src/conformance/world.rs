//! An adapter, and all that a scenario builds on it.

use std::sync::Arc;
use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_application::policy::{CommitPolicy, RetryPolicy};
use laneway_application::publish::Receipt;
use laneway_domain::{
    AfterDeadLetter, BacklogChecker, Clock, DeadLetter, DeadLetterQueue, Envelope, Filter, GroupId, Handler,
    Monotonic, PartitionLag, StoredLetter, TopicName,
};

use super::adapter::{Adapter, Controls};
use super::journal::Journal;
use super::member::Member;
use super::process::Process;
use super::record::Record;
use super::said::{given, sure};
use super::watched::Watched;
use crate::history::Recorder;

/// An adapter under test, and what stands on it. Clones are the same.
#[derive(Clone)]
pub(crate) struct World {
    adapter: Adapter,
    record: Record,
    watched: Arc<Watched>,
    patience: Duration,
}

/// How often a condition that nobody announces is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// How long a bus gets to close.
const CLOSING: Duration = Duration::from_secs(5);

impl World {
    pub(crate) fn new(adapter: Adapter, watched: Arc<Watched>, patience: Duration) -> Self {
        let record = Record::new(Recorder::new(adapter.clock.clone()));
        watched.record(&record);
        Self { adapter, record, watched, patience }
    }

    pub(crate) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    pub(crate) fn controls(&self) -> &Controls {
        &self.adapter.controls
    }

    /// The first topic.
    pub(crate) fn topic(&self) -> TopicName {
        self.topic_at(0)
    }

    pub(crate) fn topic_at(&self, at: usize) -> TopicName {
        given("topic of that number", self.adapter.topics.get(at)).clone()
    }

    pub(crate) fn group(&self, name: &str) -> GroupId {
        sure("a group's name", GroupId::new(format!("{}{name}", self.adapter.group_prefix)))
    }

    /// A bus: a process of its own, as far as the broker can tell.
    pub(crate) fn bus(&self) -> Member {
        self.bus_with(self.adapter.dead_letters.clone())
    }

    pub(crate) fn bus_with(&self, dead_letters: Arc<dyn DeadLetterQueue>) -> Member {
        Member::new(&self.adapter, dead_letters, self.record.recorder.clone())
    }

    /// What is recorded, and how it is judged.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// A bus on a runtime of its own, which can crash.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.bus())
    }

    /// A subscription of a group to the first topic, quick to commit and to try again.
    pub(crate) fn options(&self, group: &str) -> SubscriptionOptions {
        let mut options = SubscriptionOptions::new(self.group(group), [self.topic()]);
        options.codec.clone_from(&self.adapter.codec);
        options.workers = 3;
        options.max_in_flight = 64;
        options.commit = CommitPolicy { interval: Duration::from_millis(10), ..CommitPolicy::default() };
        options.retry = RetryPolicy {
            initial_interval: Duration::from_millis(5),
            max_interval: Duration::from_millis(20),
            ..RetryPolicy::default()
        };
        options.seed = Some(7);
        // The same with and without a store that parks, unless a scenario says otherwise.
        options.after_dead_letter = Some(AfterDeadLetter::Skip);
        options
    }

    pub(crate) fn journal(&self) -> Journal {
        let journal = Journal::default();
        self.watched.journal(&journal);
        journal
    }

    pub(crate) async fn subscribe<H: Handler>(
        &self,
        bus: &Member,
        options: SubscriptionOptions,
        handler: H,
    ) -> Subscription {
        self.watch(sure("a subscription", bus.subscribe(options, handler).await))
    }

    /// Shows a subscription to who looks when the scenario fails.
    pub(crate) fn watch(&self, subscription: Subscription) -> Subscription {
        self.watched.subscription(&subscription);
        subscription
    }

    /// Publishes events, each of which must be acknowledged.
    pub(crate) async fn publish(&self, bus: &Member, events: Vec<Envelope>) -> Vec<Receipt> {
        let answers = bus.publish_batch(events).await;
        answers.into_iter().map(|answer| sure("an acknowledgement", answer)).collect()
    }

    pub(crate) async fn close(&self, bus: &Member) {
        self.watched.awaits("the bus is closed");
        bus.close(CLOSING).await;
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        self.watched.awaits(what);
        let patience = self.patience;
        let deadline = self.now() + patience;
        while !holds() {
            assert!(self.now() < deadline, "{patience:?} passed before {what}");
            self.look().await;
        }
    }

    /// Sees that something holds at every look for so long.
    pub(crate) async fn throughout(&self, time: Duration, what: &str, holds: impl Fn() -> bool) {
        let end = self.now() + time;
        while self.now() < end {
            assert!(holds(), "no longer so: {what}");
            self.look().await;
        }
    }

    /// Waits until `count` runs of the journal are done.
    pub(crate) async fn until_done(&self, journal: &Journal, count: usize) {
        self.until(&format!("{count} events are handled"), || journal.done() >= count).await;
    }

    /// Waits until the group has committed all but `left` events of the first topic; how long that took.
    pub(crate) async fn until_lag(&self, group: &str, left: u64) -> Duration {
        self.watched.awaits(&format!("group {group} lags {left} events"));
        let began = self.now();
        loop {
            let lag = self.lag(group).await.iter().map(|lag| lag.events).sum::<u64>();
            if lag == left {
                return self.now().since(began);
            }
            assert!(self.now().since(began) < self.patience, "the lag of {group} stays {lag}, not {left}");
            self.look().await;
        }
    }

    /// The lag of a group in each partition of the first topic.
    pub(crate) async fn lag(&self, group: &str) -> Vec<PartitionLag> {
        let backlog: &Arc<dyn BacklogChecker> = given("backlog checker", self.adapter.backlog.as_ref());
        sure("a lag", backlog.backlog(&self.group(group), &[self.topic()]).await)
    }

    /// The dead letters of a group.
    pub(crate) async fn letters(&self, group: &str) -> Vec<DeadLetter> {
        let desk = given("desk of the dead-letter queue", self.adapter.dead_letters.desk());
        let filter = Filter::group(self.group(group));
        let letters = sure("a list of dead letters", desk.list(&filter, None, 1_000).await);
        letters.into_iter().filter_map(StoredLetter::into_dead).collect()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.adapter.clock.clone()
    }

    pub(crate) fn now(&self) -> Monotonic {
        self.adapter.clock.monotonic()
    }

    /// Lets a little time pass.
    pub(crate) async fn look(&self) {
        self.adapter.clock.wake_at(self.now() + LOOK).await;
    }
}

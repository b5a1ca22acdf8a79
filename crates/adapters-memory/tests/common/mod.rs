//! What the tests share: events on virtual time, and a member that answers what a consumer must.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::needless_pass_by_value)]

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use laneway_domain::{
    AggregateId, Assignment, Batch, Body, Checkpoint, Envelope, Epoch, GroupId, Monotonic, Origin, Outgoing,
    PartitionId, PublishError, Published, Publisher, Resume, RevocationId, Session, SessionEvent, StartFrom,
    Subscriber, Subscription, Timestamp, TopicName,
};
use laneway_memory::{MemoryBroker, MemoryConfig};
use laneway_testkit::SimClock;
use tokio::time::Instant;

/// A point of the clock on the wall, so many milliseconds after its start.
pub(crate) fn millis(after: i64) -> Timestamp {
    Timestamp::from_unix_millis(SimClock::BIRTH.unix_millis() + after)
}

/// How much virtual time passes.
pub(crate) struct Stopwatch(Instant);

#[allow(clippy::disallowed_methods, reason = "it measures what the clock port made of time")]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Lets virtual time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

/// Awaits something that must happen, for a long time at most.
#[allow(clippy::disallowed_methods, reason = "a test that waits for nothing fails instead of hanging")]
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it never came")
}

pub(crate) fn broker(config: MemoryConfig) -> MemoryBroker {
    MemoryBroker::new(config, SimClock::shared()).unwrap()
}

/// A broker whose topics have one partition that keeps `events` events.
pub(crate) fn small(events: usize) -> MemoryBroker {
    broker(MemoryConfig { partitions: 1, retention_events: events, ..MemoryConfig::default() })
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(crate) fn group(name: &str) -> GroupId {
    GroupId::new(name).unwrap()
}

/// An event of topic `t` that belongs to `key`.
pub(crate) fn event(key: &str, payload: impl ToString) -> Envelope {
    Envelope::new(topic("t"), payload.to_string()).with_aggregate(AggregateId::new(key).unwrap())
}

pub(crate) fn events(key: &str, numbers: std::ops::Range<u64>) -> Vec<Envelope> {
    numbers.map(|n| event(key, n)).collect()
}

pub(crate) type Results = Vec<Result<Published, PublishError>>;

pub(crate) async fn publish(broker: &MemoryBroker, events: Vec<Envelope>) -> Results {
    broker.publish(Outgoing { events, origin: Origin::Caller }).await
}

/// Publishes events that there must be room for.
pub(crate) async fn fill(broker: &MemoryBroker, events: Vec<Envelope>) {
    for result in soon(publish(broker, events)).await {
        result.unwrap();
    }
}

pub(crate) fn subscription(name: &str) -> Subscription {
    Subscription {
        group: group(name),
        topics: vec![topic("t")],
        start: StartFrom::Earliest,
        batch_events: 100,
        batch_bytes: 1 << 20,
        drain: Duration::from_secs(3),
    }
}

pub(crate) fn at(position: u64) -> Resume {
    Resume::At(laneway_domain::Position::new(position))
}

/// One session, polled by hand.
pub(crate) struct Member(pub(crate) Box<dyn Session>);

impl Member {
    pub(crate) async fn open(broker: &MemoryBroker, subscription: Subscription) -> Self {
        Self(broker.open(subscription).await.unwrap())
    }

    /// A member of `group` for topic `t`, from the oldest event.
    pub(crate) async fn join(broker: &MemoryBroker, group: &str) -> Self {
        Self::open(broker, subscription(group)).await
    }

    /// A member that has started everything it was assigned first.
    pub(crate) async fn started(broker: &MemoryBroker, group: &str) -> Self {
        let mut member = Self::join(broker, group).await;
        member.start().await;
        member
    }

    pub(crate) async fn next(&mut self) -> SessionEvent {
        soon(std::future::poll_fn(|cx| self.0.poll_next(cx))).await
    }

    /// What there is without waiting.
    pub(crate) fn now(&mut self) -> Option<SessionEvent> {
        match self.0.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        }
    }

    #[track_caller]
    pub(crate) fn says_nothing(&mut self) {
        let event = self.now();
        assert!(event.is_none(), "{event:?}");
    }

    pub(crate) async fn assigned(&mut self) -> Vec<Assignment> {
        match self.next().await {
            SessionEvent::Assigned(assigned) => assigned,
            other => panic!("{other:?}"),
        }
    }

    /// Starts what is assigned next, where a consumer would.
    pub(crate) async fn start(&mut self) -> Vec<Assignment> {
        let assigned = self.assigned().await;
        for one in &assigned {
            let from = one.stored.as_ref().map_or(one.initial, |stored| stored.resume);
            self.0.start(one.partition, one.epoch, from);
        }
        assigned
    }

    pub(crate) async fn batch(&mut self) -> Batch {
        match self.next().await {
            SessionEvent::Batch(batch) => batch,
            other => panic!("{other:?}"),
        }
    }

    /// The payloads of all batches until `count` events have come.
    pub(crate) async fn payloads(&mut self, count: usize) -> Vec<String> {
        let mut read = Vec::new();
        while read.len() < count {
            read.extend(payloads(&self.batch().await));
        }
        read
    }

    pub(crate) async fn revoking(&mut self) -> (RevocationId, Vec<(PartitionId, Epoch)>, Monotonic) {
        match self.next().await {
            SessionEvent::Revoking { revocation, partitions, until } => (revocation, partitions, until),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn lost(&mut self) -> Vec<(PartitionId, Epoch)> {
        match self.next().await {
            SessionEvent::Lost { partitions } => partitions,
            other => panic!("{other:?}"),
        }
    }

    /// The payloads of all batches that are there without waiting.
    pub(crate) fn read(&mut self) -> Vec<String> {
        let mut read = Vec::new();
        while let Some(event) = self.now() {
            match event {
                SessionEvent::Batch(batch) => read.extend(payloads(&batch)),
                other => panic!("{other:?}"),
            }
        }
        read
    }

    /// Commits, and returns the answer.
    pub(crate) fn commit(&mut self, checkpoints: Vec<Checkpoint>) -> Committed {
        self.0.commit(checkpoints);
        match self.now() {
            Some(SessionEvent::Committed(committed)) => committed,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) type Committed = Vec<laneway_domain::CommitAnswer>;

pub(crate) fn checkpoint(one: &Assignment, resume: Resume) -> Checkpoint {
    Checkpoint { partition: one.partition, epoch: one.epoch, resume, state: Bytes::new(), number: 1 }
}

pub(crate) fn payloads(batch: &Batch) -> Vec<String> {
    let text = |body: &Body| match body {
        Body::Event(event) => String::from_utf8(event.payload().to_vec()).unwrap(),
        Body::Record(record) => panic!("{record:?}"),
    };
    batch.rows.as_slice().iter().map(|row| text(&row.body)).collect()
}

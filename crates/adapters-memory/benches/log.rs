//! What an event costs in the memory broker alone: into the log, and out of it, on one thread.
//!
//! `cargo bench -p laneway-memory` prints one row of JSON a figure: the median of several rounds, in nanoseconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, clippy::cast_precision_loss)]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use laneway_domain::{
    AggregateId, BoxFuture, Checkpoint, Clock, Envelope, GroupId, Monotonic, Origin, Outgoing, Publisher,
    Resume, Session, SessionEvent, StartFrom, Subscriber, Subscription, Timestamp, TopicName,
};
use laneway_memory::{MemoryBroker, MemoryConfig};

const EVENTS: usize = 1 << 18;
const ROUNDS: usize = 5;
/// What a partition keeps by default.
const KEPT: usize = 65_536;

struct Wall(Instant);

impl Clock for Wall {
    fn wall(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::from_unix_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::ZERO + self.0.elapsed()
    }

    fn wake_at(&self, _: Monotonic) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

fn broker(retention_events: usize) -> MemoryBroker {
    let config = MemoryConfig { retention_events, ..MemoryConfig::default() };
    MemoryBroker::new(config, Arc::new(Wall(Instant::now()))).unwrap()
}

/// Whether an event's payload is a buffer of its own, which is freed with it, or one that all share.
#[derive(Clone, Copy)]
enum Payload {
    Own,
    Shared,
}

impl Payload {
    fn make(self) -> Bytes {
        match self {
            Self::Own => Bytes::from(vec![7; 200]),
            Self::Shared => Bytes::from_static(&[7; 200]),
        }
    }
}

/// A batch as its publisher makes it, just before it is published.
fn batch(from: usize, size: usize, payload: Payload) -> Vec<Envelope> {
    let topic = TopicName::new("bench").unwrap();
    let event = |n: usize| {
        let aggregate = AggregateId::new(format!("order:{}", n * 7_919 % 10_000)).unwrap();
        Envelope::new(topic.clone(), payload.make()).with_aggregate(aggregate)
    };
    (from..from + size).map(event).collect()
}

/// Publishes [`EVENTS`] events; how long that took without the making of the batches.
fn publish(broker: &MemoryBroker, size: usize, payload: Payload) -> Duration {
    let one = |from: usize| {
        let events = batch(from, size, payload);
        let start = Instant::now();
        let results = broker.publish(Outgoing { events, origin: Origin::Caller }).now_or_never().unwrap();
        let elapsed = start.elapsed();
        assert!(results.iter().all(Result::is_ok));
        elapsed
    };
    (0..EVENTS / size).map(|at| one(at * size)).sum()
}

fn session(broker: &MemoryBroker) -> Box<dyn Session> {
    let subscription = Subscription {
        group: GroupId::new("readers").unwrap(),
        topics: vec![TopicName::new("bench").unwrap()],
        start: StartFrom::Earliest,
        batch_events: 512,
        batch_bytes: 1 << 20,
        drain: Duration::from_secs(3),
    };
    broker.open(subscription).now_or_never().unwrap().unwrap()
}

/// Reads until nothing is left, committing every batch; how many events came.
fn drain(session: &mut dyn Session) -> usize {
    let (mut cx, mut read) = (Context::from_waker(Waker::noop()), 0);
    while let Poll::Ready(event) = session.poll_next(&mut cx) {
        match event {
            SessionEvent::Assigned(assigned) => {
                assigned.iter().for_each(|a| session.start(a.partition, a.epoch, a.initial));
            }
            SessionEvent::Batch(batch) => {
                read += batch.rows.len();
                let last = batch.rows.as_slice()[batch.rows.len() - 1].position;
                let (resume, state) = (Resume::After(last), Bytes::new());
                session.commit(vec![Checkpoint {
                    partition: batch.partition,
                    epoch: batch.epoch,
                    resume,
                    state,
                    number: 1,
                }]);
            }
            _ => {}
        }
    }
    read
}

fn median(mut rounds: Vec<Duration>) -> f64 {
    rounds.sort();
    rounds[rounds.len() / 2].as_secs_f64() * 1e9 / EVENTS as f64
}

/// What publishing costs where every event drops an old one.
fn into_a_full_log(size: usize, payload: Payload, retention_events: usize) -> f64 {
    let broker = broker(retention_events);
    for _ in 0..3 {
        publish(&broker, 1_024, payload);
    }
    median((0..ROUNDS).map(|_| publish(&broker, size, payload)).collect())
}

/// What reading and committing costs.
fn out_of_the_log() -> f64 {
    let broker = broker(KEPT);
    let mut session = session(&broker);
    let mut round = || {
        publish(&broker, 1_024, Payload::Shared);
        let start = Instant::now();
        assert_eq!(drain(&mut *session), EVENTS);
        start.elapsed()
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

fn print(workload: &str, figure: f64) {
    println!(r#"{{"workload":"{workload}","unit":"ns/event","ours":{figure:.1}}}"#);
}

fn main() {
    for size in [1_024, 256, 64, 1] {
        for (payload, name) in
            [(Payload::Shared, "one shared payload"), (Payload::Own, "payloads of their own")]
        {
            for kept in [4_096, KEPT] {
                let workload = format!("publish, batches of {size}, {name}, {kept} kept a partition");
                print(&workload, into_a_full_log(size, payload, kept));
            }
        }
    }
    print("read and commit by batches of 512", out_of_the_log());
}

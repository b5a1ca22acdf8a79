//! What an event costs in the memory broker alone: into the log, and out of it, on one thread.
//!
//! `cargo bench -p laneway-memory` prints one row of JSON a figure: the median of several rounds, in nanoseconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

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
const ROUNDS: usize = 9;

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

fn broker() -> MemoryBroker {
    MemoryBroker::new(
        MemoryConfig {
            retention_events: std::env::var("KEEP").ok().and_then(|k| k.parse().ok()).unwrap_or(65_536),
            ..MemoryConfig::default()
        },
        Arc::new(Wall(Instant::now())),
    )
    .unwrap()
}

/// A batch as its publisher makes it, just before it is published.
fn batch(from: usize, size: usize, payload: &Bytes) -> Vec<Envelope> {
    let topic = TopicName::new("bench").unwrap();
    let event = |n: usize| {
        let aggregate = AggregateId::new(format!("order:{}", n * 7_919 % 10_000)).unwrap();
        let payload =
            if std::env::var_os("OWNED").is_some() { Bytes::from(payload.to_vec()) } else { payload.clone() };
        Envelope::new(topic.clone(), payload).with_aggregate(aggregate)
    };
    (from..from + size).map(event).collect()
}

/// Publishes [`EVENTS`] events; how long that took without the making of the batches.
fn publish(broker: &MemoryBroker, size: usize) -> Duration {
    let payload = Bytes::from_static(&[7; 200]);
    let one = |from: usize| {
        let events = batch(from, size, &payload);
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

fn into_a_full_log(size: usize) -> f64 {
    let broker = broker();
    for _ in 0..3 {
        publish(&broker, 1_024);
    }
    median((0..ROUNDS).map(|_| publish(&broker, size)).collect())
}

fn out_of_the_log() -> f64 {
    let broker = broker();
    let mut session = session(&broker);
    let mut round = || {
        publish(&broker, 1_024);
        let start = Instant::now();
        assert_eq!(drain(&mut *session), EVENTS);
        start.elapsed()
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

fn main() {
    for size in [1_024, 256, 64, 1] {
        let figure = into_a_full_log(size);
        println!(
            r#"{{"workload":"publish, batches of {size}, log full","unit":"ns/event","ours":{figure:.1}}}"#
        );
    }
    let figure = out_of_the_log();
    println!(r#"{{"workload":"read and commit by batches of 512","unit":"ns/event","ours":{figure:.2}}}"#);
}

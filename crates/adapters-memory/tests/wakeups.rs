//! Several threads: no wake-up is lost, nothing is lost, nothing is delivered twice. Nobody here looks twice by a
//! timer, so a lost wake-up is a test that never ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use common::{Member, broker, event, fill, publish, soon, subscription, topic};
use laneway_domain::{Batch, Checkpoint, Envelope, Resume, Session, SessionEvent, Subscription};
use laneway_memory::{MemoryBroker, MemoryConfig};

const PUBLISHERS: u64 = 4;
const EVENTS: u64 = 5_000;
const KEYS: u64 = 50;

/// Publishes the numbers from 0, in batches of several sizes, each awaited.
async fn publisher(broker: MemoryBroker, name: u64) {
    let (mut next, mut size) = (0, 1);
    while next < EVENTS {
        let end = EVENTS.min(next + size);
        let batch =
            (next..end).map(|n| event(&format!("{name}/{}", n % KEYS), format!("{name} {n}"))).collect();
        for result in publish(&broker, batch).await {
            result.unwrap();
        }
        (next, size) = (end, size % 90 + 7);
    }
}

fn commit(session: &mut dyn Session, batch: &Batch) {
    let last = batch.rows.as_slice().last().unwrap().position;
    let (partition, epoch, resume) = (batch.partition, batch.epoch, Resume::After(last));
    session.commit(vec![Checkpoint { partition, epoch, resume, state: Bytes::new(), number: 1 }]);
}

/// Reads and commits until the session is closed.
async fn reader(mut member: Member, mut handle: impl FnMut(&Batch)) {
    loop {
        match std::future::poll_fn(|cx| member.0.poll_next(cx)).await {
            SessionEvent::Assigned(assigned) => {
                for one in assigned {
                    let from = one.stored.map_or(one.initial, |stored| stored.resume);
                    member.0.start(one.partition, one.epoch, from);
                }
            }
            SessionEvent::Batch(batch) => {
                handle(&batch);
                commit(&mut *member.0, &batch);
            }
            SessionEvent::Revoking { revocation, .. } => member.0.release(revocation, Vec::new()),
            SessionEvent::Closed => return,
            _ => {}
        }
    }
}

/// Several publishers, and readers of one group that close the broker when they have seen everything.
async fn run(config: MemoryConfig, readers: usize) -> Vec<String> {
    let broker = broker(config);
    let (seen, mut reading) = (Arc::new(AtomicU64::new(0)), Vec::new());
    for _ in 0..readers {
        let member = Member::open(&broker, Subscription { batch_events: 64, ..subscription("g") }).await;
        let (seen, broker, mut read) = (seen.clone(), broker.clone(), Vec::new());
        reading.push(tokio::spawn(async move {
            let handle = |batch: &Batch| {
                read.extend(common::payloads(batch));
                let events = batch.rows.len() as u64;
                if seen.fetch_add(events, Ordering::SeqCst) + events >= PUBLISHERS * EVENTS {
                    broker.close();
                }
            };
            reader(member, handle).await;
            read
        }));
    }
    let publishing: Vec<_> = (0..PUBLISHERS).map(|n| tokio::spawn(publisher(broker.clone(), n))).collect();
    for publishing in publishing {
        soon(publishing).await.unwrap();
    }
    let mut read = Vec::new();
    for reading in reading {
        read.extend(soon(reading).await.unwrap());
    }
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_reaches_a_waiting_reader_once_and_in_the_order_of_its_key() {
    let read = run(MemoryConfig { partitions: 2, ..MemoryConfig::default() }, 1).await;
    assert_eq!(read.len() as u64, PUBLISHERS * EVENTS);
    let mut last = HashMap::new();
    for payload in read {
        let (name, number) = payload.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let before = last.insert((name.to_owned(), number % KEYS), number);
        assert_eq!(before.map_or(number % KEYS, |before| before + KEYS), number, "{payload}");
    }
    assert_eq!(last.len() as u64, PUBLISHERS * KEYS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_and_readers_go_on_at_a_full_partition() {
    let config = MemoryConfig { partitions: 3, retention_events: 64, ..MemoryConfig::default() };
    let mut read = run(config, 1).await;
    read.sort_unstable();
    read.dedup();
    assert_eq!(read.len() as u64, PUBLISHERS * EVENTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_single_event_thrown_to_and_fro_always_arrives() {
    const ROUNDS: u64 = 10_000;
    let broker = broker(MemoryConfig { partitions: 1, ..MemoryConfig::default() });
    let mut players = Vec::new();
    for (from, to) in [("ping", "pong"), ("pong", "ping")] {
        let subscription = Subscription { topics: vec![topic(from)], ..subscription(from) };
        let mut member = Member::open(&broker, subscription).await;
        member.start().await;
        let broker = broker.clone();
        players.push(tokio::spawn(async move {
            loop {
                let SessionEvent::Batch(batch) = member.next().await else { return };
                let round: u64 = common::payloads(&batch)[0].parse().unwrap();
                if round == ROUNDS {
                    return broker.close();
                }
                fill(&broker, vec![Envelope::new(topic(to), (round + 1).to_string())]).await;
            }
        }));
    }
    fill(&broker, vec![Envelope::new(topic("ping"), "0")]).await;
    for player in players {
        soon(player).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn members_that_come_and_go_while_events_flow_lose_none() {
    let broker = broker(MemoryConfig { partitions: 5, ..MemoryConfig::default() });
    let (seen, all) =
        (Arc::new(std::sync::Mutex::new(std::collections::HashSet::new())), PUBLISHERS * EVENTS);
    let join = |broker: &MemoryBroker| {
        let (broker, seen) = (broker.clone(), seen.clone());
        async move {
            let member = Member::join(&broker, "g").await;
            let handle = move |batch: &Batch| {
                let mut seen = seen.lock().unwrap();
                seen.extend(common::payloads(batch));
                if seen.len() as u64 == all {
                    broker.close();
                }
            };
            reader(member, handle).await;
        }
    };
    let steady = tokio::spawn(join(&broker));
    let publishing: Vec<_> = (0..PUBLISHERS).map(|n| tokio::spawn(publisher(broker.clone(), n))).collect();
    for _ in 0..50 {
        let passing = tokio::spawn(join(&broker));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        passing.abort();
        broker.expel(&common::group("g"));
    }
    for publishing in publishing {
        soon(publishing).await.unwrap();
    }
    soon(steady).await.unwrap();
    assert_eq!(seen.lock().unwrap().len() as u64, all);
}

//! S10: a backlog of 200,000 events and 500 live ones a second, a handler of 2 ms, on the memory broker: drained with recovery and without,
//! how good the estimate of the end was after the first tenth, and whether an aggregate was ever handled out of order.
//!
//! Without recovery 32 handlers run at once, with it up to 128. `LANEWAY_BENCH_BACKLOG` says another number of events; one run of both takes
//! half a minute.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods
)]

mod common;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::bus::{on_two_threads, options, topic};
use common::{Random, Row, median, number, runs};
use laneway::policy::CommitPolicy;
use laneway::prelude::*;
use laneway::recovery::{
    ConcurrencyPolicy, RecoveryCallbacks, RecoveryNews, RecoveryOptions, RecoveryPolicy,
};

const KEYS: u64 = 10_000;
const IN_FLIGHT: usize = 32;
const MOST: usize = 128;
const LIVE: u64 = 500;
const TAKES: Duration = Duration::from_millis(2);
/// What may be behind where nothing is: what is on its way.
const LEFT: u64 = 500;

/// One aggregate: its last event, and whether a handler runs.
#[derive(Default)]
struct Aggregate {
    last: AtomicU64,
    runs: AtomicBool,
}

/// What a run found.
struct Found {
    per_second: f64,
    inversions: u64,
    /// How far the estimate was off, in percent of the time that it took from then on.
    eta_error: Option<f64>,
}

/// Publishes events of aggregates drawn by chance, each with its number within its aggregate.
struct Source {
    bus: EventBus,
    topic: TopicName,
    random: Random,
    numbers: Vec<u64>,
}

impl Source {
    async fn publish(&mut self, events: u64) {
        let batch = (0..events).map(|_| {
            let key = self.random.below(KEYS);
            self.numbers[key as usize] += 1;
            let number = self.numbers[key as usize].to_le_bytes().to_vec();
            Envelope::new(self.topic.clone(), number)
                .with_aggregate(AggregateId::new(format!("k{key}")).unwrap())
        });
        common::bus::publish(&self.bus, batch).await;
    }
}

async fn drain(backlog: u64, recovers: bool) -> Found {
    let bus = EventBus::in_memory().unwrap();
    let random = Random::new(7);
    let mut source = Source { bus: bus.clone(), topic: topic(), random, numbers: vec![0; KEYS as usize] };
    source.publish(backlog).await;
    let published = Arc::new(AtomicU64::new(backlog));
    let live = {
        let published = published.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            loop {
                tick.tick().await;
                source.publish(LIVE / 100).await;
                published.fetch_add(LIVE / 100, Ordering::Relaxed);
            }
        })
    };
    let (told, began) = (Arc::default(), Instant::now());
    let mut options = options();
    options.max_in_flight = IN_FLIGHT;
    options.commit = CommitPolicy { interval: Duration::from_millis(20), ..CommitPolicy::default() };
    options.recovery = recovers.then(|| recovery(&told));
    let inversions = Arc::new(AtomicU64::new(0));
    let subscription = bus.subscribe(options, handler(inversions.clone())).await.unwrap();
    subscription.wait_until(|stats| stats.handled + LEFT >= published.load(Ordering::Relaxed)).await;
    let (ended, handled) = (Instant::now(), subscription.stats().handled);
    live.abort();
    bus.close(Duration::from_secs(5)).await;
    let per_second = handled as f64 / (ended - began).as_secs_f64();
    let eta_error = eta_error(&told.lock().unwrap(), backlog, ended);
    Found { per_second, inversions: inversions.load(Ordering::Relaxed), eta_error }
}

type Told = Arc<Mutex<Vec<(Instant, Arc<RecoveryNews>)>>>;

fn recovery(told: &Told) -> RecoveryOptions {
    let told = told.clone();
    let callbacks = RecoveryCallbacks::new().on_progress(move |news| {
        told.lock().unwrap().push((Instant::now(), news));
        async { Ok::<(), io::Error>(()) }
    });
    RecoveryOptions {
        policy: RecoveryPolicy::default(),
        concurrency: ConcurrencyPolicy {
            max: MOST,
            window: Duration::from_millis(50),
            ..ConcurrencyPolicy::default()
        },
        recovering_interval: Duration::from_millis(100),
        callbacks,
        ..RecoveryOptions::default()
    }
}

fn eta_error(told: &[(Instant, Arc<RecoveryNews>)], backlog: u64, ended: Instant) -> Option<f64> {
    let early = |news: &RecoveryNews| news.backlog.is_some_and(|left| left.events <= backlog / 10 * 9);
    let (at, eta) = told.iter().find_map(|(at, news)| Some((*at, news.eta?)).filter(|_| early(news)))?;
    let took = (ended - at).as_secs_f64();
    Some((eta.as_secs_f64() - took).abs() / took * 100.0)
}

fn handler(inversions: Arc<AtomicU64>) -> impl Handler {
    let aggregates: Vec<Aggregate> = (0..KEYS).map(|_| Aggregate::default()).collect();
    let aggregates = Arc::new(aggregates);
    handler_fn(move |event: Event| {
        let (aggregates, inversions) = (aggregates.clone(), inversions.clone());
        async move {
            let key: usize = event.aggregate().unwrap().as_str()[1..].parse().unwrap();
            let number = u64::from_le_bytes(event.payload()[..8].try_into().unwrap());
            let aggregate = &aggregates[key];
            let before = aggregate.last.swap(number, Ordering::SeqCst);
            if aggregate.runs.swap(true, Ordering::SeqCst) || before + 1 != number {
                inversions.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(TAKES).await;
            aggregate.runs.store(false, Ordering::SeqCst);
            Ok(())
        }
    })
}

fn main() {
    let backlog = number("LANEWAY_BENCH_BACKLOG", 200_000) as u64;
    let run = |recovers| on_two_threads(drain(backlog, recovers));
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..runs() {
        with.push(run(true));
        without.push(run(false));
    }
    let rate = |found: &[Found]| median(found.iter().map(|found| found.per_second).collect());
    let (ours, floor) = (rate(&with), rate(&without));
    let workload = format!("backlog of {backlog} events and {LIVE}/s live, handler of 2 ms, memory");
    let print = |workload: String, unit, ours, floor: Option<(&'static str, f64)>, target| {
        let ratio = floor.map(|(_, floor)| ours / floor);
        Row { id: "S10", workload, unit, ours, floor, ratio, target }.print();
    };
    print(workload.clone(), "events/s", ours, Some(("without recovery", floor)), ">= 2");
    let errors = with.iter().map(|found| found.eta_error.unwrap_or(f64::INFINITY)).collect();
    print(format!("estimated end after a tenth; {workload}"), "% off", median(errors), None, "<= 25");
    let inversions: u64 = with.iter().chain(&without).map(|found| found.inversions).sum();
    print(format!("out of order; {workload}"), "events", inversions as f64, None, "0");
}

//! S5: Parallel Consumer's own table on the memory broker: 10,000 events, 1 partition, a handler of 0 to 5 ms, 16 in flight.
//!
//! The ideal is the larger of the sum of the measured handler times over 16 and the hottest key's own sum.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods
)]

mod common;

use common::bus::{bus, on_two_threads, options, publish, topic};
use common::{Random, Row, median, runs};
use laneway::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const EVENTS: usize = 10_000;
const IN_FLIGHT: usize = 16;

/// The time from the first start to the last end, over the ideal.
fn ours(keys: u64, seed: u64) -> f64 {
    on_two_threads(async {
        let (topic, bus) = (topic(), bus(MemoryConfig { partitions: 1, ..MemoryConfig::default() }));
        let mut random = Random::new(seed);
        let events = (0..EVENTS).map(|_| {
            let key = AggregateId::new(format!("k{}", random.below(keys))).unwrap();
            let wait = (random.below(5_001) as u32).to_le_bytes();
            Envelope::new(topic.clone(), wait.to_vec()).with_aggregate(key)
        });
        publish(&bus, events).await;
        let times: Arc<Mutex<Vec<(String, Instant, Instant)>>> = Arc::default();
        let seen = times.clone();
        let handler = handler_fn(move |event: Event| {
            let seen = seen.clone();
            async move {
                let start = Instant::now();
                let wait = u32::from_le_bytes(event.payload()[..4].try_into().unwrap());
                tokio::time::sleep(Duration::from_micros(wait.into())).await;
                let key = event.aggregate().unwrap().as_str().to_owned();
                seen.lock().unwrap().push((key, start, Instant::now()));
                Ok(())
            }
        });
        let mut options = options();
        options.max_in_flight = IN_FLIGHT;
        options.buffer.partition_events = 20_000;
        options.lane_capacity = 20_000;
        let subscription = bus.subscribe(options, handler).await.unwrap();
        subscription.wait_until(|stats| stats.handled >= EVENTS as u64).await;
        let times = times.lock().unwrap();
        ratio(&times)
    })
}

fn ratio(times: &[(String, Instant, Instant)]) -> f64 {
    let mut by_key = std::collections::HashMap::<&str, f64>::new();
    for (key, start, end) in times {
        *by_key.entry(key).or_default() += (*end - *start).as_secs_f64();
    }
    let sum: f64 = by_key.values().sum();
    let hottest = by_key.values().copied().fold(0.0, f64::max);
    let ideal = (sum / IN_FLIGHT as f64).max(hottest);
    let first = times.iter().map(|(_, start, _)| *start).min().unwrap();
    let last = times.iter().map(|(_, _, end)| *end).max().unwrap();
    (last - first).as_secs_f64() / ideal
}

fn main() {
    for (keys, target) in
        [(1, "<= 1.02"), (10, "<= 1.05"), (100, "<= 1.03"), (1_000, "<= 1.03"), (10_000, "<= 1.03")]
    {
        let seeds = 0..if keys == 1 { 1 } else { runs() };
        let over = median(seeds.map(|seed| ours(keys, seed as u64 + 1)).collect());
        Row {
            id: "S5",
            workload: format!("10,000 events of 0-5 ms, 16 in flight, {keys} keys, memory"),
            unit: "x ideal",
            ours: over,
            floor: Some(("ideal", 1.0)),
            ratio: Some(over),
            target,
        }
        .print();
    }
}

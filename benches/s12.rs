//! S12: memory of a million queued lanes, and of ten million aggregates that come and go.
//!
//! Counts what the allocator hands out, not what the system gives the process.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods
)]

mod common;

use common::Row;
use common::bus::{bus, keeping, on_two_threads, options, topic};
use laneway::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

#[global_allocator]
static ALLOCATED: stats_alloc::StatsAlloc<std::alloc::System> = stats_alloc::StatsAlloc::system();

fn held() -> f64 {
    let stats = ALLOCATED.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

async fn publish(bus: &EventBus, ids: std::ops::Range<u64>) {
    let topic = topic();
    for start in ids.clone().step_by(512) {
        let events = (start..(start + 512).min(ids.end)).map(|n| {
            let id = AggregateId::new(format!("order:{n:012}")).unwrap();
            Envelope::new(topic.clone(), bytes::Bytes::from_static(&[0; 200])).with_aggregate(id)
        });
        common::bus::publish(bus, events).await;
    }
}

/// Bytes held for each of a million lanes with one queued event, envelope included, payload not.
async fn queued() -> f64 {
    const LANES: u64 = 1_000_000;
    let config =
        MemoryConfig { retention_events: 1 << 20, retention_bytes: 1 << 32, ..MemoryConfig::default() };
    let bus = bus(config);
    let (gate, held_back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (waits, _keep) = (held_back.clone(), gate);
    let handler = handler_fn(move |_| {
        let waits = waits.clone();
        async move {
            waits.notified().await;
            Ok(())
        }
    });
    let mut options = options();
    options.max_in_flight = 1;
    options.processing_timeout = Duration::from_secs(3_600);
    options.buffer.partition_events = 1 << 21;
    options.buffer.partition_bytes = 1 << 32;
    options.buffer.events = 1 << 22;
    options.buffer.bytes = 1 << 33;
    options.buffer.lanes = 1 << 22;
    let subscription = bus.subscribe(options, handler).await.unwrap();
    let before = held();
    publish(&bus, 0..LANES).await;
    subscription.wait_until(|stats| stats.lanes.total >= LANES as usize).await;
    let each = (held() - before) / LANES as f64;
    bus.close(Duration::ZERO).await;
    each
}

/// Bytes that are held more after ten million aggregates than after the first million.
async fn idle() -> f64 {
    let bus = keeping(8_192);
    let subscription = bus.subscribe(options(), handler_fn(|_| async { Ok(()) })).await.unwrap();
    let mut first = 0.0;
    for million in 0..10u64 {
        publish(&bus, million * 1_000_000..(million + 1) * 1_000_000).await;
        let all = (million + 1) * 1_000_000;
        subscription.wait_until(|stats| stats.handled == all && stats.open == 0).await;
        eprintln!("after {} million aggregates: {:.1} MB held", million + 1, held() / 1e6);
        if million == 0 {
            first = held();
        }
    }
    held() - first
}

fn main() {
    let row = |workload: &str, unit, ours, target| {
        Row { id: "S12", workload: workload.to_owned(), unit, ours, floor: None, ratio: None, target }
            .print();
    };
    row("a queued lane, envelope and log included, payload not", "bytes", on_two_threads(queued()), "<= 300");
    row("growth from 1 to 10 million aggregates seen", "bytes", on_two_threads(idle()), "0, within a buffer");
}

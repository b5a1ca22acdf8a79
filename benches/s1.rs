//! S1: events a second from publish to handled on the memory bus, in order, with a no-op async handler, on two threads.
//!
//! The floor is a bare tokio channel between two tasks that relays the same batches of the same envelopes and drops them.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, clippy::disallowed_methods)]

mod common;

use common::bus::{keeping, on_two_threads, publish, topic};
use common::load::Load;
use common::{Row, alternate, timed};
use laneway::prelude::*;
use std::time::Duration;

const AGGREGATES: usize = 10_000;
const BATCH: usize = 512;

/// One worker, and a window that stays in the caches: 4,096 events are open, 32,768 are kept.
fn options() -> SubscriptionOptions {
    let mut options = common::bus::options();
    options.workers = 1;
    options.buffer.partition_events = 512;
    options.batch_events = 256;
    options.commit.events = 1_024;
    options
}

/// Events a second through the bus.
fn ours(events: usize, batch: usize) -> f64 {
    on_two_threads(async move {
        let bus = keeping(4_096);
        let handled = bus.subscribe(options(), handler_fn(|_| async { Ok(()) })).await.unwrap();
        let publisher = bus.clone();
        let publishing = tokio::spawn(async move {
            let mut load = Load::new(&topic(), AGGREGATES, 1);
            let start = std::time::Instant::now();
            for _ in 0..events / batch {
                if batch == 1 {
                    publisher.publish(load.event("x".into())).await.unwrap();
                    continue;
                }
                publish(&publisher, load.batch(batch)).await;
            }
            start
        });
        let begun = publishing.await.unwrap();
        handled.wait_until(|stats| stats.handled >= events as u64).await;
        let took = begun.elapsed();
        bus.close(Duration::from_secs(5)).await;
        events as f64 / took.as_secs_f64()
    })
}

/// Events a second through a channel.
fn floor(events: usize, batch: usize) -> f64 {
    on_two_threads(async move {
        let (tell, mut told) = tokio::sync::mpsc::channel::<Vec<Envelope>>(16);
        let counting = tokio::spawn(async move {
            let mut handled = 0;
            while let Some(batch) = told.recv().await {
                handled +=
                    std::hint::black_box(batch).into_iter().filter(|e| e.aggregate().is_some()).count();
            }
            handled
        });
        let sending = tokio::spawn(async move {
            let mut load = Load::new(&topic(), AGGREGATES, 1);
            let start = std::time::Instant::now();
            for _ in 0..events / batch {
                let events = if batch == 1 { vec![load.event("x".into())] } else { load.batch(batch) };
                tell.send(events).await.unwrap();
            }
            start
        });
        let begun = sending.await.unwrap();
        assert_eq!(counting.await.unwrap(), events);
        events as f64 / begun.elapsed().as_secs_f64()
    })
}

fn row(workload: &str, target: &str, n: usize, batch: usize) {
    let (a, b) = alternate(|| ours(n, batch), || floor(n, batch));
    Row {
        id: "S1",
        workload: workload.to_owned(),
        unit: "events/s",
        ours: a,
        floor: Some(("tokio mpsc of the same batches", b)),
        ratio: Some(a / b),
        target,
    }
    .print();
}

fn main() {
    let events = common::events(4_000_000) / BATCH * BATCH;
    let ((), took) = timed(|| {
        row(
            "memory bus, batches of 512, publish to handled",
            ">= 4.2 million/s; >= 0.5x floor",
            events,
            BATCH,
        );
        row("memory bus, one event at a time, awaited", "measured", events / 8, 1);
    });
    eprintln!("took {took:?}");
}

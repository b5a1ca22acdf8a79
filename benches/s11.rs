//! S11: one aggregate fails and backs off, 9,999 are healthy; their rate against the rate with no failure.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss, clippy::disallowed_methods)]

mod common;

use common::bus::{keeping, on_two_threads, options, publish, topic};
use common::load::Load;
use common::{Row, alternate};
use laneway::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const BATCH: usize = 512;

/// Healthy events a second, while `failing` fails.
fn rate(failing: Option<&'static str>, events: usize) -> f64 {
    on_two_threads(async {
        // What the failing aggregate holds back has to fit into the log for as long as it fails.
        let bus = keeping(1 << 20);
        let healthy = Arc::new(AtomicU64::new(0));
        let count = healthy.clone();
        let handler = handler_fn(move |event: Event| {
            let fails = failing.is_some_and(|id| event.aggregate().unwrap().as_str() == id);
            count.fetch_add(u64::from(!fails), Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                if fails { Err(HandlerError::retryable("not today")) } else { Ok(()) }
            }
        });
        let mut options = options();
        options.retry.max_retries = 1_000;
        options.lane_capacity = 1 << 20;
        options.buffer.partition_events = 1 << 20;
        let subscription = bus.subscribe(options, handler).await.unwrap();
        let (publisher, mut load) = (bus.clone(), Load::new(&topic(), 10_000, 3));
        let start = Instant::now();
        let publishing = tokio::spawn(async move {
            let mut healthy = 0;
            for _ in 0..events / BATCH {
                let batch = load.batch(BATCH);
                let fails = |e: &&Envelope| failing.is_some_and(|id| e.aggregate().unwrap().as_str() == id);
                healthy += (BATCH - batch.iter().filter(fails).count()) as u64;
                publish(&publisher, batch).await;
            }
            healthy
        });
        let expected = publishing.await.unwrap();
        subscription.wait_until(|_| healthy.load(Ordering::Relaxed) >= expected).await;
        let rate = expected as f64 / start.elapsed().as_secs_f64();
        bus.close(Duration::from_millis(200)).await;
        rate
    })
}

fn main() {
    let events = common::events(2_000_000);
    let (failing, quiet) = alternate(|| rate(Some("order:00000100"), events), || rate(None, events));
    Row {
        id: "S11",
        workload: "healthy rate beside one failing aggregate of 10,000, memory".to_owned(),
        unit: "events/s",
        ours: failing,
        floor: Some(("no failure", quiet)),
        ratio: Some(failing / quiet),
        target: ">= 0.95",
    }
    .print();
}

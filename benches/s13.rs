//! S13: tenant A floods, tenant B trickles; how late B is and how fast A is, each beside the other and alone.
//!
//! Handlers wait 0 to 5 ms, as those of S5 do, so what is measured is whose turn it is, and not the processor. A keeps 8,192 events
//! unhandled, all of them read: some hundred milliseconds of work, behind which each event of B arrives.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods
)]

mod common;

use common::bus::{keeping, on_two_threads, options, publish, topic};
use common::{Random, Row, median, runs};
use laneway::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The longest that a handler takes, in microseconds.
const HANDLER: u64 = 5_000;
const IN_FLIGHT: usize = 64;
const BACKLOG: usize = 8_192;
const BATCH: usize = 512;
const AGGREGATES: u64 = 1_000;
/// B publishes one event after each of these pauses.
const PAUSE: Duration = Duration::from_millis(2);
const WARM_UP: Duration = Duration::from_millis(500);

/// What one side saw.
#[derive(Default)]
struct Seen {
    floods: AtomicU64,
    late: Mutex<Vec<f64>>,
}

/// An event that says when it was sent and how long its handler takes.
fn event(topic: &TopicName, tenant: &str, aggregate: u64, sent: u64, takes: u64) -> Envelope {
    Envelope::new(topic.clone(), [sent.to_le_bytes(), takes.to_le_bytes()].concat())
        .with_tenant(TenantId::new(tenant).unwrap())
        .with_aggregate(AggregateId::new(format!("order:{aggregate:08}")).unwrap())
}

/// Keeps the backlog of A as it is, until it is aborted.
async fn flood(bus: EventBus, topic: TopicName, room: Arc<Semaphore>) {
    let (mut next, mut random) = (0, Random::new(5));
    loop {
        room.acquire_many(BATCH as u32).await.unwrap().forget();
        let batch = (next..next + BATCH as u64)
            .map(|n| event(&topic, "a", n % AGGREGATES, 0, random.below(HANDLER + 1)));
        next += BATCH as u64;
        publish(&bus, batch).await;
    }
}

/// The events of A a second, and the 99th percentile of B's latency from publish to handled in milliseconds.
fn measure(floods: bool, trickles: bool, events: u32) -> (f64, f64) {
    on_two_threads(async {
        let (topic, began) = (topic(), Instant::now());
        let bus = keeping(1 << 20);
        let (seen, room) = (Arc::new(Seen::default()), Arc::new(Semaphore::new(BACKLOG)));
        let (sees, frees) = (seen.clone(), room.clone());
        let handler = handler_fn(move |event: Event| {
            let (sees, frees) = (sees.clone(), frees.clone());
            async move {
                let number = |at: usize| u64::from_le_bytes(event.payload()[at..at + 8].try_into().unwrap());
                tokio::time::sleep(Duration::from_micros(number(8))).await;
                if event.tenant().unwrap().as_str() == "a" {
                    sees.floods.fetch_add(1, Ordering::Relaxed);
                    frees.add_permits(1);
                } else {
                    let late = began.elapsed() - Duration::from_nanos(number(0));
                    sees.late.lock().unwrap().push(late.as_secs_f64() * 1e3);
                }
                Ok(())
            }
        });
        let mut options = options();
        options.max_in_flight = IN_FLIGHT;
        (options.buffer.partition_events, options.buffer.events) = (1 << 16, 1 << 18);
        (options.buffer.lanes, options.lane_capacity) = (1 << 16, 1 << 16);
        let subscription = bus.subscribe(options, handler).await.unwrap();
        let flooding = floods.then(|| tokio::spawn(flood(bus.clone(), topic.clone(), room)));
        tokio::time::sleep(WARM_UP).await;
        let (before, start) = (seen.floods.load(Ordering::Relaxed), Instant::now());
        let (mut ticks, mut random) = (tokio::time::interval(PAUSE), Random::new(7));
        for n in 0..events {
            ticks.tick().await;
            if trickles {
                let sent = began.elapsed().as_nanos() as u64;
                let takes = random.below(HANDLER + 1);
                bus.publish(event(&topic, "b", u64::from(n) % 100, sent, takes)).await.unwrap();
            }
        }
        let rate = (seen.floods.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
        let wanted = if trickles { events as usize } else { 0 };
        subscription.wait_until(|_| seen.late.lock().unwrap().len() >= wanted).await;
        flooding.into_iter().for_each(|flooding| flooding.abort());
        bus.close(Duration::from_millis(200)).await;
        let mut late = seen.late.lock().unwrap().clone();
        late.sort_by(f64::total_cmp);
        (rate, late.get(late.len() * 99 / 100).copied().unwrap_or(f64::NAN))
    })
}

fn main() {
    let events = common::events(2_000) as u32;
    let (mut late, mut alone, mut rate, mut solo) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs() {
        alone.push(measure(false, true, events).1);
        let both = measure(true, true, events);
        rate.push(both.0);
        late.push(both.1);
        solo.push(measure(true, false, events).0);
    }
    let ratio = |ours: &[f64], floor: &[f64]| median(ours.iter().zip(floor).map(|(a, b)| a / b).collect());
    let (slower, keeps) = (ratio(&late, &alone), ratio(&rate, &solo));
    Row {
        id: "S13",
        workload: "p99 of a tenant that trickles beside one that floods, handlers of 0-5 ms, memory"
            .to_owned(),
        unit: "ms",
        ours: median(late),
        floor: Some(("alone", median(alone))),
        ratio: Some(slower),
        target: "< 2",
    }
    .print();
    Row {
        id: "S13",
        workload: "rate of the tenant that floods beside one that trickles, memory".to_owned(),
        unit: "events/s",
        ours: median(rate),
        floor: Some(("alone", median(solo))),
        ratio: Some(keeps),
        target: ">= 0.90",
    }
    .print();
}

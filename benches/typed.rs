//! TYPED: what a typed handler costs per event, decoding included, beside a bare parse of the same bytes.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss)]

mod common;

use common::{Row, alternate, timed};
use laneway::domain::{
    Body, HandlerMask, OnTopic, PartitionNumber, Position, Received, Rows, Run, Timestamp,
};
use laneway::prelude::*;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const EVENTS: usize = 4_096;

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 2, aggregate = "order", topic = "orders")]
struct OrderPlaced {
    order: u64,
    customer: String,
    lines: Vec<Line>,
    express: bool,
}

#[derive(Serialize, Deserialize)]
struct Line {
    article: String,
    pieces: u32,
    cents: u64,
}

/// An order of about 200 bytes.
fn placed(order: u64) -> OrderPlaced {
    let line = |at: u32| Line { article: format!("article-{at:05}"), pieces: at, cents: 1_995 };
    let lines = (0..3).map(line).collect();
    OrderPlaced { order, customer: format!("customer-{order:06}"), lines, express: true }
}

fn events() -> Vec<Event> {
    let row = |at: u64| {
        let body = Body::Event(placed(at).envelope().unwrap());
        Received { position: Position::new(at), appended: Timestamp::default(), body }
    };
    let rows: Vec<_> = (0..EVENTS as u64).map(row).collect();
    let run = Arc::new(Run { rows: Rows::from(rows), partition: PartitionNumber(0), redriven: false });
    (0..u32::try_from(EVENTS).unwrap()).map(|row| Event::new(run.clone(), row)).collect()
}

/// The nanoseconds an event takes.
fn per_event(rounds: usize, mut one: impl FnMut(usize)) -> f64 {
    let ((), took) = timed(|| {
        for _ in 0..rounds {
            (0..EVENTS).for_each(&mut one);
        }
    });
    took.as_nanos() as f64 / (rounds * EVENTS) as f64
}

fn handled(handler: &impl Handler, event: &Event, group: &GroupId) {
    let context = HandlerContext { group, attempt: 1, due: HandlerMask::ALL };
    let polled = pin!(handler.handle(event, &context)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(()))));
}

async fn look(Typed(placed): Typed<OrderPlaced>) -> Result<(), HandlerError> {
    black_box(placed);
    Ok(())
}

fn row(workload: &str, target: &str, events: &[Event], handler: &impl Handler) {
    const ROUNDS: usize = 100;
    let group = GroupId::new("bench").unwrap();
    let parse = |at: usize| {
        black_box(serde_json::from_slice::<OrderPlaced>(events[at].payload()).unwrap());
    };
    let (ours, floor) = alternate(
        || per_event(ROUNDS, |at| handled(handler, &events[at], &group)),
        || per_event(ROUNDS, parse),
    );
    Row {
        id: "TYPED",
        workload: format!("{workload}, an order of {} bytes", events[0].payload().len()),
        unit: "ns/event",
        ours,
        floor: Some(("serde_json::from_slice", floor)),
        ratio: Some(ours / floor),
        target,
    }
    .print();
}

fn main() {
    let events = events();
    row("a typed handler", "<= 1.15", &events, &typed(look));
    row(
        "an event router with one handler",
        "<= 1.25",
        &events,
        &EventRouter::builder().on("look", look).build().unwrap(),
    );
    assert_eq!(events[0].topic(), &OrderPlaced::TOPIC);
}

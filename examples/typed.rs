//! Typed events: two versions, an upcaster, and two handlers on one subscription, one of which fails at first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use laneway::prelude::*;
use laneway::route::Attempt;
use serde::{Deserialize, Serialize};

/// Today's version.
#[derive(Debug, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 2, aggregate = "order", topic = "orders")]
struct OrderPlaced {
    order: u64,
    total: u64,
    currency: String,
}

/// The version before, which old events still have.
#[derive(Debug, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 1, aggregate = "order", topic = "orders")]
struct OrderPlacedV1 {
    order: u64,
    total: u64,
}

/// What the handlers share.
#[derive(Clone, Default)]
struct Books {
    total: Arc<AtomicU64>,
}

async fn bill(Typed(placed): Typed<OrderPlaced>, State(books): State<Books>) -> Result<(), HandlerError> {
    books.total.fetch_add(placed.total, Ordering::Relaxed);
    println!("bill: {placed:?}");
    Ok(())
}

async fn mail(Typed(placed): Typed<OrderPlaced>, Attempt(attempt): Attempt) -> Result<(), HandlerError> {
    if attempt == 1 {
        return Err(HandlerError::retryable("the mail server is busy"));
    }
    println!("mail: order {}, at attempt {attempt}", placed.order);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let books = Books::default();
    let upcasters = Upcasters::builder()
        .typed(|OrderPlacedV1 { order, total }| Ok(OrderPlaced { order, total, currency: "EUR".to_owned() }))
        .build()?;
    let router = EventRouter::with_state(books.clone())
        .on("bill", bill)
        .on("mail", mail)
        .upcasters(upcasters)
        .build()?;

    let bus = EventBus::in_memory()?;
    let options = SubscriptionOptions::new(GroupId::new("shop")?, [OrderPlaced::TOPIC]);
    let shop = bus.subscribe(options, router).await?;
    bus.publish(OrderPlacedV1 { order: 1, total: 20 }.envelope()?).await?;
    bus.publish(OrderPlaced { order: 2, total: 22, currency: "CHF".to_owned() }.envelope()?).await?;
    let stats = shop.wait_until(|stats| stats.handled == 2).await;
    println!(
        "{} events, {} retries, {} in the books",
        stats.handled,
        stats.retries,
        books.total.load(Ordering::Relaxed)
    );
    bus.close(Duration::from_secs(10)).await;
    Ok(())
}

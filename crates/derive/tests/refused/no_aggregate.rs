use laneway_derive::DomainEvent;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", crate = laneway_domain)]
struct OrderPlaced {
    order: u64,
    total: u64,
}

fn main() {}

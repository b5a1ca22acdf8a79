use laneway_derive::{DomainEvent, DomainEvents};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", version = 0, aggregate = "order", crate = laneway_domain)]
struct VersionZero {
    order: u64,
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", aggregate = "id", crate = laneway_domain)]
struct NoSuchField {
    order: u64,
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", aggregate = "order", topic = "no spaces", crate = laneway_domain)]
struct WrongTopic {
    order: u64,
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(type = "", aggregate = "order", crate = laneway_domain)]
struct NoType {
    order: u64,
}

#[derive(Serialize, Deserialize, DomainEvent)]
#[event(kind = "order.placed", aggregate = "order", crate = laneway_domain)]
struct UnknownKey {
    order: u64,
}

#[derive(DomainEvents)]
#[event(crate = laneway_domain)]
enum NotOneEach {
    Placed { order: u64 },
}

fn main() {}

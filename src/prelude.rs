//! What most programs need: `use laneway::prelude::*`.

pub use crate::bus::EventBus;
pub use laneway_application::consume::{Subscription, SubscriptionOptions, blocking};
pub use laneway_application::publish::Receipt;
pub use laneway_application::route::{
    BatchHandler, BatchOptions, BatchOutcome, Delivery, EventBatch, EventRouter, EventStream, State, Typed,
    Upcasters, batch_fn, typed,
};
pub use laneway_derive::{DomainEvent, DomainEvents};
pub use laneway_domain::{
    AggregateId, DomainEvent, DomainEvents, Envelope, Event, EventType, GroupId, Handler, HandlerContext,
    HandlerError, OnTopic, PublishError, TenantId, TopicName, handler_fn,
};
pub use laneway_memory::MemoryConfig;

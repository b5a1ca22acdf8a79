//! What most programs need: `use laneway::prelude::*`.

pub use crate::bus::EventBus;
pub use laneway_application::consume::{Subscription, SubscriptionOptions, blocking};
pub use laneway_application::publish::Receipt;
pub use laneway_application::route::{
    BatchHandler, BatchOptions, BatchOutcome, Delivery, EventBatch, EventStream, batch_fn,
};
pub use laneway_domain::{
    AggregateId, Envelope, Event, EventType, GroupId, Handler, HandlerContext, HandlerError, PublishError,
    TopicName, handler_fn,
};
pub use laneway_memory::MemoryConfig;

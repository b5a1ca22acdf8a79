//! Typed events: a Rust type for one type of event in one version.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Cause, Invalid};
use crate::identity::{AggregateId, EventType};
use crate::payload::Payload;
use crate::topic::TopicName;

/// A Rust type for one type of event, in one version of its schema. Usually derived.
///
/// The payload is JSON unless `encode` and `decode` say otherwise. How events are read and written stands in
/// [`DomainEvents`](crate::DomainEvents), which every domain event is too.
///
/// ```
/// use laneway_domain::{AggregateId, DomainEvent, DomainEvents, EventType, Invalid, TopicName};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct OrderPlaced { order: u64, total: u64 }
///
/// impl DomainEvent for OrderPlaced {
///     const EVENT_TYPE: EventType = EventType::from_static("order.placed");
///     const VERSION: u32 = 1;
///     fn aggregate_id(&self) -> Result<AggregateId, Invalid> {
///         AggregateId::of(self.order)
///     }
/// }
///
/// let placed = OrderPlaced { order: 42, total: 1250 };
/// let envelope = placed.envelope_for(TopicName::from_static("orders"))?;
/// assert_eq!(envelope.aggregate().map(AggregateId::as_str), Some("42"));
/// assert_eq!(OrderPlaced::read(&envelope)?, placed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a domain event",
    note = "derive it: `#[derive(Serialize, Deserialize, DomainEvent)] #[event(type = \"..\", aggregate = \"field\")]`"
)]
pub trait DomainEvent: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type.
    const EVENT_TYPE: EventType;
    /// The version of the schema that this Rust type is, from 1.
    const VERSION: u32;

    /// The aggregate that the event belongs to: the key of order.
    ///
    /// # Errors
    /// [`Invalid`] where the value is no legal id, an empty text for example.
    fn aggregate_id(&self) -> Result<AggregateId, Invalid>;

    /// Writes the payload.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn encode(&self) -> Result<Bytes, Cause> {
        Ok(serde_json::to_vec(self)?.into())
    }

    /// Reads a payload of this type and version.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn decode(payload: Payload<'_>) -> Result<Self, Cause> {
        Ok(payload.json()?)
    }
}

/// An event with a topic of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no topic of its own",
    note = "give it one with `#[event(topic = \"..\")]`, or write it with `envelope_for(topic)`"
)]
pub trait OnTopic {
    /// The topic.
    const TOPIC: TopicName;
}

//! Sets of typed events: one type, or an enum of several.

use crate::decode::DecodeError;
use crate::domain_event::{DomainEvent, OnTopic};
use crate::encode::{EncodeError, Unwritable};
use crate::envelope::Envelope;
use crate::event_kind::EventKind;
use crate::identity::EventType;
use crate::payload::Payload;
use crate::topic::TopicName;

/// One typed event, or an enum of several: what a handler can take. Every [`DomainEvent`] is one; for an enum of events
/// it is derived.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a domain event nor an enum of them",
    note = "derive `DomainEvent` for a struct, `DomainEvents` for an enum whose variants hold one domain event each"
)]
pub trait DomainEvents: Sized + Send + Sync + 'static {
    /// What it reads, and writes.
    const KINDS: &'static [EventKind];

    /// Reads a payload of this type and version.
    ///
    /// # Errors
    /// [`DecodeError`] where the kind is none of [`KINDS`](DomainEvents::KINDS), or the payload does not decode.
    fn read_payload(event_type: &EventType, version: u32, payload: Payload<'_>) -> Result<Self, DecodeError>;

    /// An envelope with everything that the event says of itself: type, version, aggregate and payload.
    ///
    /// # Errors
    /// [`EncodeError`] where the aggregate's id is not legal, or the payload cannot be written.
    fn envelope_for(&self, topic: TopicName) -> Result<Envelope, EncodeError>;

    /// An envelope for the event's own topic.
    ///
    /// # Errors
    /// As [`envelope_for`](DomainEvents::envelope_for).
    fn envelope(&self) -> Result<Envelope, EncodeError>
    where
        Self: OnTopic,
    {
        self.envelope_for(Self::TOPIC)
    }

    /// Reads an event, which must be of a known type and version: older ones go through upcasters first.
    ///
    /// # Errors
    /// [`DecodeError`] where it names no type or an unknown one, or its payload does not decode.
    fn read(envelope: &Envelope) -> Result<Self, DecodeError> {
        let event_type = envelope.event_type().ok_or(DecodeError::Untyped)?;
        Self::read_payload(event_type, envelope.schema_version(), Payload::Bytes(envelope.payload()))
    }
}

impl<E: DomainEvent> DomainEvents for E {
    const KINDS: &'static [EventKind] = &[EventKind::of::<E>()];

    #[inline]
    fn read_payload(event_type: &EventType, version: u32, payload: Payload<'_>) -> Result<Self, DecodeError> {
        if version != E::VERSION || *event_type != E::EVENT_TYPE {
            return Err(DecodeError::unknown(event_type, version, Self::KINDS));
        }
        E::decode(payload).map_err(|cause| DecodeError::Payload { kind: EventKind::of::<E>(), cause })
    }

    fn envelope_for(&self, topic: TopicName) -> Result<Envelope, EncodeError> {
        let kind = EventKind::of::<E>;
        let aggregate =
            self.aggregate_id().map_err(|rule| EncodeError::new(kind(), Unwritable::Aggregate(rule)))?;
        let payload = self.encode().map_err(|cause| EncodeError::new(kind(), Unwritable::Payload(cause)))?;
        Ok(Envelope::new(topic, payload)
            .with_aggregate(aggregate)
            .with_event_type(E::EVENT_TYPE)
            .with_schema_version(E::VERSION))
    }
}

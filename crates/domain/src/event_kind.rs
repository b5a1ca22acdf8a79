//! What decides how a payload is read: a type and the version of its schema.

use std::fmt;

use crate::domain_event::DomainEvent;
use crate::envelope::Envelope;
use crate::identity::EventType;

/// The type of an event and the version of its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKind {
    /// The type.
    pub event_type: EventType,
    /// The version of the schema, from 1.
    pub version: u32,
}

impl EventKind {
    /// A type in a version.
    #[must_use]
    pub const fn new(event_type: EventType, version: u32) -> Self {
        Self { event_type, version }
    }

    /// The kind of a typed event.
    #[must_use]
    pub const fn of<E: DomainEvent>() -> Self {
        Self { event_type: E::EVENT_TYPE, version: E::VERSION }
    }

    /// The kind of an event, where it names its type.
    #[must_use]
    pub fn named_by(envelope: &Envelope) -> Option<Self> {
        let event_type = envelope.event_type()?.clone();
        Some(Self { event_type, version: envelope.schema_version() })
    }
}

impl From<(EventType, u32)> for EventKind {
    fn from((event_type, version): (EventType, u32)) -> Self {
        Self { event_type, version }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.event_type, self.version)
    }
}

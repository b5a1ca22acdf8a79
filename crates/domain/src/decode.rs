//! Why an event cannot be read as a typed one.

use thiserror::Error;

use crate::error::Cause;
use crate::event_kind::EventKind;
use crate::identity::EventType;

/// Why an event cannot be read as a typed one. Trying again does not help; another program may.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The event names no type.
    #[error("the event names no type")]
    Untyped,
    /// The event is of another type, or in another version.
    #[error("the event is {found}, which is not read here; read are: {}", list(known))]
    Unknown {
        /// What it is.
        found: EventKind,
        /// What can be read.
        known: &'static [EventKind],
    },
    /// Type and version are known, and the payload is not what they say.
    #[error("the payload is no {kind}")]
    Payload {
        /// What it should be.
        kind: EventKind,
        /// Why it is not.
        #[source]
        cause: Cause,
    },
}

impl DecodeError {
    /// An event of another type, or in another version.
    #[must_use]
    pub fn unknown(event_type: &EventType, version: u32, known: &'static [EventKind]) -> Self {
        Self::Unknown { found: EventKind::new(event_type.clone(), version), known }
    }
}

fn list(kinds: &[EventKind]) -> String {
    kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

//! Why a router is refused, and why it has no way for an event.

use laneway_domain::{EventKind, EventType, HandlerMask};
use thiserror::Error;

/// Why an event router was not built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventRouterError {
    /// There is no handler.
    #[error("the event router has no handlers")]
    NoHandlers,
    /// There are more handlers than a mask tells apart.
    #[error("the event router has {found} handlers; at most {} fit", HandlerMask::WIDTH)]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// A handler has an empty name.
    #[error("handler {number} of the event router has no name")]
    Nameless {
        /// Its place, from 1.
        number: usize,
    },
    /// Two handlers share a name.
    #[error("two handlers of the event router are named `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// Upcasters lead to a version of a type that is handled, but not to one that any handler takes.
    #[error("the upcasters lead to {end}, which no handler takes; taken are versions {known:?}")]
    ChainEnd {
        /// Where they lead.
        end: EventKind,
        /// The versions that handlers take.
        known: Vec<u32>,
    },
}

/// Why there is no way for an event. Trying again does not help; another program may.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouteError {
    /// No handler takes events of this type.
    #[error("{}", unknown_type(found.as_ref()))]
    UnknownType {
        /// The type, where the event names one.
        found: Option<EventType>,
    },
    /// Handlers take events of this type, but not in this version, and no upcasters lead from it.
    #[error("{found} is of an unknown version; known are {known:?}")]
    UnknownVersion {
        /// What came.
        found: EventKind,
        /// The versions that are known, upcasters included.
        known: Vec<u32>,
    },
    /// A filter panicked.
    #[error("the filter `{filter}` panicked: {panic}")]
    FilterPanicked {
        /// The filter's name.
        filter: String,
        /// What the panic says.
        panic: String,
    },
}

impl RouteError {
    /// An event that is none of these.
    pub(crate) fn unknown(found: EventKind, known: &[EventKind]) -> Self {
        let same = known.iter().filter(|kind| kind.event_type == found.event_type);
        let known: Vec<_> = same.map(|kind| kind.version).collect();
        if known.is_empty() {
            Self::UnknownType { found: Some(found.event_type) }
        } else {
            Self::UnknownVersion { found, known }
        }
    }
}

fn unknown_type(found: Option<&EventType>) -> String {
    match found {
        Some(found) => format!("no handler takes events of type {found}"),
        None => "no handler takes events that name no type".to_owned(),
    }
}

//! Why a chain of upcasters is refused, and why an upcaster fails.

use laneway_domain::{Cause, EventKind, EventType};
use thiserror::Error;

/// Why upcasters were not built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Versions count from 1.
    #[error("{kind}: versions count from 1")]
    Zero {
        /// What was named.
        kind: EventKind,
    },
    /// A version has two steps.
    #[error("two steps lead from {from}: to {first} and to {second}")]
    Twice {
        /// Where they start.
        from: EventKind,
        /// Where one leads.
        first: EventKind,
        /// Where the other leads.
        second: EventKind,
    },
    /// A step leads to an older version.
    #[error("the step from {from} to {to} leads downwards")]
    Downwards {
        /// Where it starts.
        from: EventKind,
        /// Where it leads.
        to: EventKind,
    },
    /// Between the oldest and the newest step of a type, a version has none.
    #[error("{event_type} has a hole: no step leads from version {missing}, but steps lead around it")]
    Hole {
        /// The type.
        event_type: EventType,
        /// The version without a step.
        missing: u32,
    },
    /// Steps lead back to where they started.
    #[error("the steps from {start} lead back to it")]
    Cycle {
        /// One of the kinds on the way.
        start: EventKind,
    },
}

/// Why an event of an older version could not be brought up. Trying again does not help; another program may.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpcastError {
    /// The payload is no JSON, which upcasters need.
    #[error("the payload of a {kind} is no JSON")]
    Unreadable {
        /// What it is said to be.
        kind: EventKind,
        /// Why it cannot be read.
        #[source]
        cause: serde_json::Error,
    },
    /// An upcaster returned an error.
    #[error("the upcaster from {from} to {to} failed")]
    Failed {
        /// Where it starts.
        from: EventKind,
        /// Where it leads.
        to: EventKind,
        /// What it returned.
        #[source]
        cause: Cause,
    },
    /// An upcaster panicked.
    #[error("the upcaster from {from} to {to} panicked: {panic}")]
    Panicked {
        /// Where it starts.
        from: EventKind,
        /// Where it leads.
        to: EventKind,
        /// What the panic says.
        panic: String,
    },
}

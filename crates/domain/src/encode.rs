//! Why a typed event cannot be written.

use thiserror::Error;

use crate::error::{Cause, Invalid};
use crate::event_kind::EventKind;

/// A typed event that cannot be written.
#[derive(Debug, Error)]
#[error("the {kind} cannot be written")]
pub struct EncodeError {
    kind: EventKind,
    #[source]
    why: Unwritable,
}

/// What is wrong with it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unwritable {
    /// Its aggregate's id is not legal.
    #[error(transparent)]
    Aggregate(Invalid),
    /// Its payload cannot be written.
    #[error("its payload cannot be written: {0}")]
    Payload(Cause),
}

impl EncodeError {
    /// Says why an event of this kind cannot be written.
    #[must_use]
    pub const fn new(kind: EventKind, why: Unwritable) -> Self {
        Self { kind, why }
    }

    /// The kind of the event.
    #[must_use]
    pub const fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn why(&self) -> &Unwritable {
        &self.why
    }
}

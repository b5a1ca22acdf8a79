//! The error of every store behind a port.

use thiserror::Error;

use crate::error::Cause;

/// Why a store did not do what was asked.
#[derive(Debug, Error)]
#[error("{operation}: {reason}")]
pub struct StoreError {
    kind: StoreFault,
    operation: &'static str,
    reason: String,
    #[source]
    cause: Option<Cause>,
}

/// The kinds of a store's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// The store cannot be reached or is overloaded; trying again can help.
    Unavailable,
    /// No answer came: the effect is unknown, and repeating the call settles it.
    Unknown,
    /// The store refuses this request for what it is.
    Rejected,
    /// Somebody newer owns what the request is about.
    Fenced,
}

impl StoreError {
    /// An `operation` that met a failure of `kind`.
    pub fn new(kind: StoreFault, operation: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, operation, reason: reason.into(), cause: None }
    }

    /// Adds the error below.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn fault(&self) -> StoreFault {
        self.kind
    }

    /// Whether repeating the call can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreFault::Unavailable | StoreFault::Unknown)
    }
}

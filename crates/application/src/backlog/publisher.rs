//! What waits on the way to the broker.

use std::sync::Arc;

/// The depth of the send queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PublisherBacklog {
    /// Events that were handed to the broker and have no answer yet.
    pub sending: u64,
}

impl PublisherBacklog {
    /// So many events without an answer.
    #[must_use]
    pub const fn sending(sending: u64) -> Self {
        Self { sending }
    }
}

/// Tells the depth of the send queue: cheap, and without waiting.
pub type PublisherGauge = Arc<dyn Fn() -> PublisherBacklog + Send + Sync>;

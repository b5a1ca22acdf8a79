//! What a publisher gets back for an event.

use laneway_domain::{EventId, PartitionNumber, Position};

/// An acknowledged event: the broker holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The event's id, stamped or its own. Publish with the same id again where an outcome was unknown.
    pub id: EventId,
    /// The partition.
    pub partition: PartitionNumber,
    /// The position, where the broker tells it.
    pub position: Option<Position>,
}

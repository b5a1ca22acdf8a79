//! The port to what makes handling idempotent.

use async_trait::async_trait;

use crate::aggregate::AggregateKey;
use crate::identity::{AggregateVersion, EventId, GroupId};
use crate::position::{PartitionNumber, Position};
use crate::store::StoreError;

/// Remembers what was handled, in the transaction of the handler's own writes.
///
/// # Contract
///
/// *Who calls*: the handler stack, inside the handler's transaction `Tx`.
///
/// *`Ok`*: admission `i` belongs to key `i`, and holds if `Tx` commits. Of two transactions with the same event, one
/// waits for the other and then sees [`Admission::Duplicate`], or `New` if the other rolled back.
///
/// *Cancel safety*: dropping the future leaves the transaction to its owner; nothing is admitted unless it commits.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// The caller's transaction.
    type Tx: Send + Sync;
    /// Asks for each key whether its event is new.
    async fn admit(&self, tx: &Self::Tx, keys: &[InboxKey]) -> Result<Vec<Admission>, StoreError>;
}

/// What identifies a handling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxKey {
    /// The group.
    pub group: GroupId,
    /// The handler among several of one subscription.
    pub handler: u16,
    /// The event.
    pub event: EventId,
    /// The aggregate and the event's version in it, where it has both.
    pub versioned: Option<(AggregateKey, AggregateVersion)>,
    /// Where the event stands; none for one that was redriven.
    pub place: Option<(PartitionNumber, Position)>,
}

/// What the inbox says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Not handled before.
    New,
    /// Handled before: acknowledge it.
    Duplicate,
    /// Older than what was handled, and not handled itself: handle or park it, never drop it.
    Late,
    /// New, and versions before it are missing.
    Gap,
}

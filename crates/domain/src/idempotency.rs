//! The port to a store of what was handled, beside the handler's own writes.

use async_trait::async_trait;

use crate::aggregate::AggregateKey;
use crate::identity::{AggregateVersion, EventId, GroupId};
use crate::position::{PartitionNumber, Position};
use crate::store::StoreError;

/// Remembers what was handled. Other than an [`Inbox`](crate::Inbox) it stands outside of the handler's transaction: a
/// crash between the handler's writes and the record handles the event again.
///
/// # Contract
///
/// *Who calls*: the handler stack: [`seen`](Self::seen) before the handler, [`record`](Self::record) after it succeeded.
/// For one key, calls of one process come one after the other; an owner that lost its partition may still be at it.
///
/// *`Ok`*: `seen` answers the newest mark whose record was `Ok` before, from any process; none where there was none, or
/// where a bounded store has forgotten it. `record` is kept as durably as the store keeps anything.
///
/// *Order*: a watermark never goes back. One whose highest version is below the stored one's changes nothing: the
/// versions it knew are then handled again rather than lost.
///
/// *Duplicates*: recording the same mark again is allowed and changes nothing.
///
/// *Cancel safety*: dropping `seen` changes nothing; after dropping `record` the effect is unknown, and repeating the
/// call settles it.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// What is known of the key.
    async fn seen(&self, key: &IdempotencyKey) -> Result<Option<Mark>, StoreError>;

    /// Keeps what is known now.
    async fn record(&self, key: &IdempotencyKey, mark: Mark) -> Result<(), StoreError>;
}

/// Whose handling of what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The group.
    pub group: GroupId,
    /// The handler among several of one subscription.
    pub handler: u16,
    /// What is handled.
    pub subject: Subject,
}

/// What a mark is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One event.
    Event(EventId),
    /// All events of an aggregate: one mark, however many they are.
    Aggregate(AggregateKey),
}

/// What is known of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The event was handled.
    Handled,
    /// These versions of the aggregate were handled.
    Versions(Watermark),
}

/// Which versions of an aggregate were handled: the highest, and which of the 64 that end with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    /// The highest version.
    pub highest: AggregateVersion,
    /// Bit *i* stands for `highest - i`; bit 0 is set.
    pub window: u64,
    /// The highest place where one of them stood, in the partition of the highest version.
    pub place: Option<(PartitionNumber, Position)>,
}

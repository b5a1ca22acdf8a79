//! The port to events that were written with their aggregate and wait to be published.

use async_trait::async_trait;

use crate::aggregate::AggregateKey;
use crate::envelope::Envelope;
use crate::identity::OwnerId;
use crate::store::StoreError;
use crate::time::{Monotonic, Timestamp};

/// Gives a relay what to publish.
///
/// # Contract
///
/// *Who calls*: relays, any number of them. Enqueueing is not part of the port: it runs in the caller's transaction.
///
/// *Order*: of every aggregate that [`heads`](OutboxStore::heads) returns, the first row is its oldest unpublished one
/// at the time of the read, and followers come in order. Blocked aggregates are left out.
///
/// *Duplicates*: [`mark`](OutboxStore::mark) is idempotent, and valid also from a relay that lost its lease.
///
/// *Cancel safety*: the futures may be dropped; the effect is then unknown and is settled by repeating the call. Leases
/// are judged by the store's clock.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Takes, renews or gives back buckets so that the relay holds `wanted` of them.
    async fn lease(&self, relay: &OwnerId, wanted: usize) -> Result<Vec<BucketLease>, StoreError>;
    /// Rows of the leased buckets, oldest first.
    async fn heads(&self, leases: &[BucketLease], limit: usize) -> Result<Vec<OutboxRow>, StoreError>;
    /// Says what became of rows.
    async fn mark(&self, results: &[(OutboxId, RowResult)]) -> Result<(), StoreError>;
    /// Waits for a commit that enqueued something; may wake for nothing and may miss one.
    async fn wait(&self, until: Monotonic) -> Wake;
    /// What waits.
    async fn depth(&self) -> Result<OutboxDepth, StoreError>;
}

/// The number of a row, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub u64);

/// The right to relay one bucket of aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketLease {
    /// The bucket, from 0 to 1,023.
    pub bucket: u16,
    /// Rises with every owner.
    pub fence: u64,
}

/// A row that waits to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number.
    pub id: OutboxId,
    /// What orders it.
    pub key: Option<AggregateKey>,
    /// The event.
    pub event: Envelope,
    /// How often publishing it failed for what it is.
    pub attempts: u32,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowResult {
    /// The broker holds it.
    Published,
    /// Publishing failed for what the row is; its aggregate waits.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Something was committed, probably.
    Notified,
    /// The time came.
    TimedOut,
}

/// What waits in an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxDepth {
    /// How many rows wait.
    pub rows: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
    /// How many aggregates are blocked by a row that cannot be published.
    pub blocked: u64,
}

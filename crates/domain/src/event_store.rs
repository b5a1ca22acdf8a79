//! The port to events as the state of aggregates.

use std::num::NonZeroU64;

use async_trait::async_trait;
use thiserror::Error;

use crate::aggregate::AggregateKey;
use crate::envelope::Envelope;
use crate::store::StoreError;

/// Stores streams of events.
///
/// # Contract
///
/// *`Ok`* of [`append`](EventStore::append): the events are part of the caller's transaction `Tx`, with consecutive
/// versions. Of two appends that expect the same version one fails with [`AppendError::Conflict`].
///
/// *Order*: [`load`](EventStore::load) gives versions in order; [`read_all`](EventStore::read_all) is gapless, in
/// commit order, up to the last position that a sequencer gave.
///
/// *Cancel safety*: reading changes nothing; a dropped append leaves the transaction to its owner.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// The caller's transaction.
    type Tx: Send + Sync;
    /// Appends to a stream.
    async fn append(
        &self,
        tx: &Self::Tx,
        stream: &AggregateKey,
        expected: Expected,
        events: &[Envelope],
    ) -> Result<Version, AppendError>;
    /// Events of a stream behind `after`.
    async fn load(
        &self,
        stream: &AggregateKey,
        after: Option<Version>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;
    /// Events of all streams behind `after`, in commit order.
    async fn read_all(&self, after: GlobalPosition, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;
    /// Numbers committed events that have no global position; how many it numbered.
    async fn sequence(&self, limit: usize) -> Result<usize, StoreError>;
}

/// The number of an event in its stream, from 1.
pub type Version = NonZeroU64;

/// The number of an event among all, in commit order; 0 stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GlobalPosition(pub u64);

/// What an append expects of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The stream is new.
    New,
    /// Its last version is this one.
    Version(Version),
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number in its stream.
    pub version: Version,
    /// Its number among all, once it has one.
    pub global: Option<GlobalPosition>,
    /// The event.
    pub event: Envelope,
}

/// Why an append failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The stream is not where the caller expects it.
    #[error("the stream has moved on: load it again and decide anew")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

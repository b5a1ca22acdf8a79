//! The port to where aggregates wait behind a dead letter.

use async_trait::async_trait;

use crate::aggregate::AggregateKey;
use crate::dead_letter::DeathCause;
use crate::identity::{GroupId, OwnerId};
use crate::position::{PartitionNumber, Position};
use crate::record::Received;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::topic::TopicName;

/// Holds parked aggregates: a dead letter and what came after it, in order.
///
/// # Contract
///
/// *Who calls*: the owner of a partition. It claims the scope before the first delivery and is the only writer.
///
/// *Fencing*: a claim voids every earlier claim of its scope. What an older claim writes afterwards never becomes
/// visible: the write fails with [`StoreFault::Fenced`](crate::StoreFault::Fenced) or is void at the next load.
///
/// *`Ok`* of [`park`](Parking::park): durable, all or nothing, in the order given.
///
/// *Duplicates*: parking a position again changes nothing.
///
/// *Cancel safety*: the futures may be dropped; the effect is then unknown and is settled by repeating the call.
#[async_trait]
pub trait Parking: Send + Sync {
    /// Takes the scope over and loads what is parked in it.
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError>;
    /// Adds entries behind those of their aggregates.
    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError>;
    /// Entries of one aggregate behind `after`, in order.
    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError>;
    /// Says what became of entries that were redriven.
    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError>;
    /// What operators asked for behind `after`.
    async fn requests(
        &self,
        claim: &Claim,
        after: Option<RequestId>,
    ) -> Result<Vec<(RequestId, RedriveRequest)>, StoreError>;
}

/// What a claim covers: a partition of one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The group.
    pub group: GroupId,
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: PartitionNumber,
}

/// The right to write to a scope until somebody claims it anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it covers.
    pub scope: Scope,
    /// Who holds it.
    pub owner: OwnerId,
    /// Rises with every claim of the scope.
    pub fence: u64,
}

/// An aggregate that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedAggregate {
    /// Which one.
    pub key: AggregateKey,
    /// The position of its dead letter.
    pub head: Position,
    /// The position of its last entry; live events at or below it are in the store already.
    pub last: Position,
}

/// One event in the parking store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkEntry {
    /// The aggregate.
    pub key: AggregateKey,
    /// The event as it came.
    pub event: Received,
    /// Why it is here.
    pub state: ParkState,
}

/// Why an entry is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParkState {
    /// It died.
    Dead(DeathCause),
    /// It came after one that is parked.
    Follower,
    /// It waits for its next attempt.
    Backoff {
        /// When that is due.
        due: Timestamp,
        /// How many attempts failed.
        attempts: u32,
    },
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It was handled, and leaves the store.
    Handled,
    /// It failed again, and stays.
    FailedAgain,
    /// An operator skipped it, and it leaves the store.
    Skipped,
}

/// Names an operator's request, rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What an operator asks the owner to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedriveRequest {
    /// Run one parked aggregate again, in order.
    Aggregate(AggregateKey),
    /// Run everything in the scope again.
    All,
}

//! The port to where aggregates wait behind a dead letter.

use async_trait::async_trait;

use crate::aggregate::AggregateKey;
use crate::dead_letter::Death;
use crate::handler_mask::HandlerMask;
use crate::identity::{GroupId, OwnerId};
use crate::position::{PartitionNumber, Position};
use crate::record::{Body, Received};
use crate::redrive::{Answer, Wish, WishId};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::topic::TopicName;

/// Holds what waits outside of its lane: dead letters with the events that came after them, in order, and events whose
/// next attempt is far away.
///
/// # Contract
///
/// *Who calls*: the owner of a partition. It claims the scope before the first delivery and is the only writer; one call
/// of a scope at a time.
///
/// *Fencing*: a claim voids every earlier claim of its scope. What an older claim writes afterwards never becomes
/// visible: the write fails with [`StoreFault::Fenced`](crate::StoreFault::Fenced) or is void at the next load.
///
/// *`Ok`* of a write: durable as far as the store is, all or nothing, in the order given.
///
/// *Identity*: an entry is known by its scope and position. Parking a position again leaves one entry, the newer. The
/// entry of a dead letter that was [buried](crate::DeadLetterQueue::bury) in the same store can be paged and resolved
/// like a parked one; it closes no lane.
///
/// *Begun*: what [`Resolution::Begun`] says is kept with the entry and handed out with it, whoever asks, until the next
/// verdict on that position: every other one sets it back, and so does parking it again. A letter that is
/// [buried](crate::DeadLetterQueue::bury) in its place keeps it: under [`Block`](crate::AfterDeadLetter::Block) every owner
/// buries an event anew, also beside its entry that is under way. So the next owner sees whose process went while the entry was
/// under way. A write that is repeated says the same again, and counts nothing.
///
/// *Marks*: when the last entry of an aggregate has left, the aggregate stays known by its last position until
/// [`forget`](Parking::forget), so that a redelivered event at or below it is not taken for a new one.
///
/// *Cancel safety*: the futures may be dropped; the effect is then unknown and is settled by repeating the call.
#[async_trait]
pub trait Parking: Send + Sync {
    /// Takes the scope over and loads the aggregates that are known in it.
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError>;
    /// Adds entries behind those of their aggregates.
    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError>;
    /// Entries of one aggregate behind `after`, in order; at most `limit`.
    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError>;
    /// One entry; none where there is none.
    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError>;
    /// Says what became of entries. One that is not there is passed over.
    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError>;
    /// Takes away the marks of aggregates without entries.
    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError>;
    /// What operators asked for in any of these scopes and nobody has answered, oldest first; at most `limit`. Fenced where
    /// one of the claims is void: who owns a quiet partition learns it here.
    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError>;
    /// Answers wishes; they are not asked for again.
    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError>;
}

/// What a claim covers: a partition of one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// An aggregate that the store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedAggregate {
    /// Which one.
    pub key: AggregateKey,
    /// The position of its last entry, also of one that has left; live events at or below it are settled.
    pub last: Position,
    /// What its head waits for, and where that is a follower, what the last one waited for that stood before it; none
    /// where every entry has left and only the mark is there.
    pub waits: Option<Waits>,
}

/// What a parked aggregate waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Its head is dead: it waits for an operator.
    Dead,
    /// It is tried again at this time, without an operator.
    Until(Timestamp),
}

/// One event in the parking store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkEntry {
    /// The aggregate; none for a dead letter without one.
    pub key: Option<AggregateKey>,
    /// The event as it came.
    pub event: Received,
    /// Why it is here.
    pub state: ParkState,
    /// Who began its attempts and did not say how they ended.
    pub begun: Begun,
}

/// What is known of attempts of an entry that nobody has told the end of.
///
/// An event that kills its process leaves nothing else behind: its position is settled, so no checkpoint tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Begun {
    /// How many processes had gone without a word while it was under way, before `by`.
    pub crashes: u32,
    /// The process in which it may be running; none where it does not.
    pub by: Option<u32>,
}

impl Begun {
    /// How many processes have gone without a word, for an owner in `process`. Who lost the partition and has it again did
    /// not crash in between.
    #[must_use]
    pub fn crashes_before(self, process: u32) -> u32 {
        let crashed = self.by.is_some_and(|by| by != process);
        self.crashes.saturating_add(u32::from(crashed))
    }
}

impl ParkState {
    /// The handlers that the entry is still due for.
    #[must_use]
    pub fn handlers(&self) -> HandlerMask {
        match self {
            Self::Dead(death) => death.handlers,
            Self::Follower => HandlerMask::ALL,
            Self::Backoff { handlers, .. } => *handlers,
        }
    }
}

/// Why an entry is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParkState {
    /// It died.
    Dead(Box<Death>),
    /// It came after one that is parked.
    Follower,
    /// It waits for its next attempt.
    Backoff {
        /// When that is due.
        due: Timestamp,
        /// How many attempts failed.
        attempts: u32,
        /// The handlers that it is still due for.
        handlers: HandlerMask,
    },
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It was handled, and leaves the store.
    Handled,
    /// It stays, and this is why from now on: it failed again.
    Stays(ParkState),
    /// An operator skipped it, and it leaves the store.
    Skipped,
    /// An operator changed it, and it stays.
    Edited(Body),
    /// Its attempts begin, or did not after all: it stays as it is, and says so to whoever reads it.
    Begun(Begun),
}

impl Resolution {
    /// Whether the entry leaves the store.
    #[must_use]
    pub const fn leaves(&self) -> bool {
        matches!(self, Self::Handled | Self::Skipped)
    }
}

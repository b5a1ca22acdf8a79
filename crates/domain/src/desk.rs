//! The port to the operators' side of a dead-letter store.

use async_trait::async_trait;
use thiserror::Error;

use crate::aggregate::AggregateKey;
use crate::dead_letter::{DeadLetter, Death, LetterId};
use crate::error::Invalid;
use crate::identity::GroupId;
use crate::parking::ParkState;
use crate::position::Position;
use crate::record::Body;
use crate::redrive::{Act, Answer, AuditLine, By, Filter, WishId};
use crate::store::StoreError;
use crate::time::Timestamp;

/// What operators do with dead letters and what waits behind them.
///
/// # Contract
///
/// *Who calls*: operators and their tools, from anywhere, beside the owners of the partitions. An operator never runs a
/// handler and never takes an entry out: it writes wishes, and the owner of the partition performs them, as soon as
/// there is one.
///
/// *Order*: entries come in the order of their ids.
///
/// *Audit*: every wish leaves a line when it is written and one when it is answered; a dry run leaves none.
///
/// *Cancel safety*: reading changes nothing. A dropped [`ask`](DeadLetterDesk::ask) has written all of its wishes or none;
/// asking again settles which.
#[async_trait]
pub trait DeadLetterDesk: Send + Sync {
    /// Entries that fit, behind `after`, at most `limit`.
    async fn list(
        &self,
        filter: &Filter,
        after: Option<&LetterId>,
        limit: usize,
    ) -> Result<Vec<StoredLetter>, StoreError>;
    /// One entry; none where there is none.
    async fn show(&self, id: &LetterId) -> Result<Option<StoredLetter>, StoreError>;
    /// Writes a wish for each aggregate and each entry without one that fits; with `dry_run` says only for how many it
    /// would. One that has an open wish keeps it. Before an edit is written it is checked ([`Body::check_edit`]).
    async fn ask(
        &self,
        filter: &Filter,
        act: Act,
        by: &By,
        at: Timestamp,
        dry_run: bool,
    ) -> Result<Asked, DeskError>;
    /// What became of a wish; none while nobody has answered. [`DeskExt::wait`](crate::DeskExt::wait) waits for it.
    ///
    /// # Errors
    /// [`DeskError::NoWish`] where the store does not know it.
    async fn answer(&self, wish: WishId) -> Result<Option<Answer>, DeskError>;
    /// What was asked for in a group and what became of it, behind line `after`, oldest first; lines have numbers from 0.
    async fn audit(
        &self,
        group: &GroupId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, AuditLine)>, StoreError>;
}

/// An entry as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLetter {
    /// Its identity.
    pub id: LetterId,
    /// The aggregate, where it has one.
    pub key: Option<AggregateKey>,
    /// When the broker took the event.
    pub appended: Timestamp,
    /// The event, byte for byte, unless somebody edited it.
    pub original: Body,
    /// Why it is here.
    pub state: ParkState,
    /// The wish that waits for its owner, for it or for its aggregate.
    pub wish: Option<WishId>,
}

impl StoredLetter {
    /// How it died; nothing for one that waits behind another or for its next attempt.
    #[must_use]
    pub fn death(&self) -> Option<&Death> {
        match &self.state {
            ParkState::Dead(death) => Some(death),
            ParkState::Follower | ParkState::Backoff { .. } => None,
        }
    }

    /// The dead letter, where it is one.
    #[must_use]
    pub fn into_dead(self) -> Option<DeadLetter> {
        let Self { id, key, appended, original, state, .. } = self;
        let ParkState::Dead(death) = state else { return None };
        Some(DeadLetter { id, key, appended, original, death: *death })
    }
}

/// What asking did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The wishes that were written; none in a dry run.
    pub wishes: Vec<WishId>,
    /// How many aggregates and single entries fit.
    pub targets: u64,
    /// How many events wait there.
    pub events: u64,
    /// How many of the targets have an open wish already.
    pub already: u64,
}

/// Why nothing was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// There is no such entry: it was never there, was handled, or was purged.
    #[error("nothing waits at {0}: it was handled, skipped or purged, or never there")]
    Unknown(String),
    /// The entry or its aggregate has an open wish.
    #[error("wish {} is under way for it; wait for its answer", .0.0)]
    Busy(WishId),
    /// There is no such wish: it was never written, or its answer is so old that the audit has let it go.
    #[error("the store knows no wish {}: it was never asked for, or its answer has left the audit", .0.0)]
    NoWish(WishId),
    /// Of a parked aggregate only the first entry can be redriven alone: nothing runs ahead of what is parked.
    #[error("its aggregate is parked at position {head}; redrive that one, or the aggregate")]
    NotHead {
        /// The first one.
        head: Position,
    },
    /// What was asked for breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

//! Calls of the store, and their answers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use laneway_domain::{
    AggregateKey, Answer, Claim, Clock, DeadLetterQueue, OwnerId, ParkEntry, ParkedAggregate, Parking,
    Position, Resolution, Scope, StoreError, StoreFault, Wish, WishId,
};

use crate::ledger::{Slot, Tenure};

/// An event on its way into the store; its position stays open until it is there.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) slot: Slot,
    pub(crate) bytes: usize,
    pub(crate) entry: ParkEntry,
}

/// What a lot asks the store.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// Take the scope over.
    Claim,
    /// Take these in.
    Park(Vec<Arrival>),
    /// These have an end.
    Resolve(Vec<(Position, Resolution)>),
    /// These wishes are answered.
    Answer(Vec<(WishId, Answer)>),
    /// The checkpoint has passed these marks.
    Forget(Vec<AggregateKey>),
    /// What comes next of an aggregate.
    Page { key: AggregateKey, after: Option<Position>, limit: usize },
    /// One entry, for a wish.
    Entry { wish: Box<Wish>, position: Position },
}

impl Call {
    /// Whether something is lost if it is not made.
    pub(crate) const fn writes(&self) -> bool {
        matches!(self, Self::Park(_) | Self::Resolve(_) | Self::Answer(_))
    }
}

/// What the store answers.
#[derive(Debug)]
pub(crate) enum Reply {
    Claimed(Claim, Vec<ParkedAggregate>),
    Written,
    Entries(Vec<ParkEntry>),
}

/// A call that has an answer.
#[derive(Debug)]
pub(crate) enum Stored {
    /// Of a lot.
    Call { tenure: Tenure, call: Box<Call>, result: Result<Reply, StoreError> },
    /// What operators ask for, where these claims hold.
    Wishes(Vec<Claim>, Result<Vec<Wish>, StoreError>),
}

/// The store, as calls reach it.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn DeadLetterQueue>,
    pub(crate) owner: OwnerId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) patience: Duration,
}

impl Desk {
    /// Makes one call of a lot.
    pub(crate) async fn call(self, tenure: Tenure, scope: Scope, claim: Option<Claim>, call: Call) -> Stored {
        let result = self.within(self.ask(&scope, claim, call.clone())).await;
        Stored::Call { tenure, call: Box::new(call), result }
    }

    /// Asks for wishes in scopes that are ours.
    pub(crate) async fn wishes(self, claims: Vec<Claim>, limit: usize) -> Stored {
        let wishes = async {
            let Some(parking) = self.store.parking() else { return Ok(Vec::new()) };
            parking.wishes(&claims, limit).await
        };
        let wishes = self.within(wishes).await;
        Stored::Wishes(claims, wishes)
    }

    async fn ask(&self, scope: &Scope, claim: Option<Claim>, call: Call) -> Result<Reply, StoreError> {
        let parking = self.store.parking().ok_or_else(|| closed("the store no longer parks"))?;
        let Some(claim) = claim else {
            let (claim, known) = parking.claim(scope, &self.owner).await?;
            return Ok(Reply::Claimed(claim, known));
        };
        self.write(parking, &claim, call).await
    }

    async fn write(&self, parking: &dyn Parking, claim: &Claim, call: Call) -> Result<Reply, StoreError> {
        match call {
            Call::Claim => unreachable!("a claim is asked for without one"),
            Call::Park(arrivals) => {
                parking.park(claim, arrivals.into_iter().map(|arrival| arrival.entry).collect()).await?;
            }
            Call::Resolve(verdicts) => parking.resolve(claim, verdicts).await?,
            Call::Answer(answers) => parking.answer(claim, answers, self.clock.wall()).await?,
            Call::Forget(aggregates) => parking.forget(claim, aggregates).await?,
            Call::Page { key, after, limit } => {
                return parking.page(claim, &key, after, limit).await.map(Reply::Entries);
            }
            Call::Entry { position, .. } => {
                let entry = parking.entry(claim, position).await?;
                return Ok(Reply::Entries(entry.into_iter().collect()));
            }
        }
        Ok(Reply::Written)
    }

    /// Waits for an answer, for a limited time, whatever the store does.
    async fn within<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let call = std::pin::pin!(AssertUnwindSafe(call).catch_unwind());
        let over = self.clock.wake_at(self.clock.monotonic() + self.patience);
        match select(call, over).await {
            Either::Left((Ok(result), _)) => result,
            Either::Left((Err(_), _)) => Err(closed("the store panicked")),
            Either::Right(_) => Err(closed("the store gave no answer in time")),
        }
    }
}

fn closed(reason: &str) -> StoreError {
    StoreError::new(StoreFault::Unknown, "parking", reason)
}

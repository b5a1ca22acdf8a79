//! Parking through faults.

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Claim, DeadLetterQueue, OwnerId, ParkEntry, ParkedAggregate, Parking, Position,
    Resolution, Scope, StoreError, StoreFault, Timestamp, Wish, WishId,
};

use super::dead_letters::FaultyDeadLetters;
use super::fault::Fault;

impl<D: DeadLetterQueue> FaultyDeadLetters<D> {
    fn parks(&self) -> Result<&dyn Parking, StoreError> {
        self.inner.parking().ok_or_else(|| failed(StoreFault::Rejected))
    }

    /// Lets a call through, or not; whether its answer is lost.
    async fn pass(&self) -> Result<bool, StoreError> {
        self.faults.may_delay(Fault::LetterDelay).await;
        if self.faults.strikes(Fault::LetterRefused) {
            return Err(failed(StoreFault::Unavailable));
        }
        Ok(self.faults.strikes(Fault::LetterAnswerLost))
    }

    /// The same, for who has a claim: somebody else may claim its scope first.
    async fn pass_owner(&self, claim: &Claim) -> Result<bool, StoreError> {
        let lost = self.pass().await?;
        if self.faults.strikes(Fault::LetterFenced) {
            // Whoever it is says nothing more.
            drop(self.parks()?.claim(&claim.scope, &claim.owner).await?);
        }
        Ok(lost)
    }
}

/// The answer, or its loss.
fn answer<T>(result: Result<T, StoreError>, lost: bool) -> Result<T, StoreError> {
    result.and_then(|answer| if lost { Err(failed(StoreFault::Unknown)) } else { Ok(answer) })
}

fn failed(kind: StoreFault) -> StoreError {
    StoreError::new(kind, "parking", "a fault of the plan")
}

#[async_trait]
impl<D: DeadLetterQueue> Parking for FaultyDeadLetters<D> {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        let lost = self.pass().await?;
        answer(self.parks()?.claim(scope, owner).await, lost)
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        let lost = self.pass_owner(claim).await?;
        answer(self.parks()?.park(claim, entries).await, lost)
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        let lost = self.pass_owner(claim).await?;
        answer(self.parks()?.page(claim, aggregate, after, limit).await, lost)
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        let lost = self.pass_owner(claim).await?;
        answer(self.parks()?.entry(claim, position).await, lost)
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        let lost = self.pass_owner(claim).await?;
        answer(self.parks()?.resolve(claim, verdicts).await, lost)
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        let lost = self.pass_owner(claim).await?;
        answer(self.parks()?.forget(claim, aggregates).await, lost)
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        let lost = self.pass().await?;
        answer(self.parks()?.wishes(claims, limit).await, lost)
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let lost = self.pass_owner(claim).await?;
        answer(self.parks()?.answer(claim, answers, at).await, lost)
    }
}

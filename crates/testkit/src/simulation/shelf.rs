//! The parking store of a process that may die.

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Claim, DeadLetterQueue, OwnerId, ParkEntry, ParkedAggregate, Parking, Position,
    Resolution, Scope, StoreError, StoreFault, Timestamp, Wish, WishId,
};

use super::mortal::OfLife;

impl<D: DeadLetterQueue> OfLife<D> {
    fn parks(&self) -> Result<&dyn Parking, StoreError> {
        let none = || StoreError::new(StoreFault::Rejected, "parking", "the store does not park");
        self.inner.parking().ok_or_else(none)
    }
}

#[async_trait]
impl<D: DeadLetterQueue> Parking for OfLife<D> {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        self.life.within(self.parks()?.claim(scope, owner)).await
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        self.life.within(self.parks()?.park(claim, entries)).await
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        self.life.within(self.parks()?.page(claim, aggregate, after, limit)).await
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        self.life.within(self.parks()?.entry(claim, position)).await
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        self.life.within(self.parks()?.resolve(claim, verdicts)).await
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.life.within(self.parks()?.forget(claim, aggregates)).await
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        self.life.within(self.parks()?.wishes(claims, limit)).await
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.life.within(self.parks()?.answer(claim, answers, at)).await
    }
}

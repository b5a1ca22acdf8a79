//! The owners' side.

use std::sync::MutexGuard;

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Claim, OwnerId, ParkEntry, ParkedAggregate, Parking, Position, Resolution, Scope,
    StoreError, StoreFault, Timestamp, Wish, WishId,
};

use super::books::Books;
use super::queue::{MemoryDeadLetters, detached};

impl MemoryDeadLetters {
    /// The books, for the newest claim of a scope and nobody else.
    fn owned(&self, claim: &Claim, operation: &'static str) -> Result<MutexGuard<'_, Books>, StoreError> {
        let mut books = self.lock();
        if books.shelf(&claim.scope).fence != claim.fence {
            let reason = "somebody else has claimed the partition since";
            return Err(StoreError::new(StoreFault::Fenced, operation, reason));
        }
        Ok(books)
    }
}

#[async_trait]
impl Parking for MemoryDeadLetters {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        let mut books = self.lock();
        let shelf = books.shelf(scope);
        shelf.fence += 1;
        let claim = Claim { scope: scope.clone(), owner: owner.clone(), fence: shelf.fence };
        Ok((claim, shelf.known()))
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        let own = |entry: ParkEntry| ParkEntry { event: detached(&entry.event), ..entry };
        let entries = entries.into_iter().map(own).collect();
        self.owned(claim, "park")?.keep(&claim.scope, entries, true)
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        Ok(self.owned(claim, "page")?.shelf(&claim.scope).page(aggregate, after, limit))
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        Ok(self.owned(claim, "entry")?.shelf(&claim.scope).entry(position).cloned())
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        let mut books = self.owned(claim, "resolve")?;
        for (position, resolution) in verdicts {
            books.resolve(&claim.scope, position, resolution);
        }
        Ok(())
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        let mut books = self.owned(claim, "forget")?;
        let shelf = books.shelf(&claim.scope);
        aggregates.iter().for_each(|key| shelf.forget(key));
        Ok(())
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        for claim in claims {
            drop(self.owned(claim, "wishes")?);
        }
        let holds = |scope: &Scope| claims.iter().any(|claim| claim.scope == *scope);
        Ok(self.lock().open(holds, limit))
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut books = self.owned(claim, "answer")?;
        answers.into_iter().for_each(|(id, answer)| books.answer(at, id, answer));
        Ok(())
    }
}

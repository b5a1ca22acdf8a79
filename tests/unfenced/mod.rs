//! A dead-letter store that takes everybody for the newest owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Claim, DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue,
    OwnerId, ParkEntry, ParkedAggregate, Parking, Position, Resolution, Scope, StoreError, StoreFault,
    Timestamp, Wish, WishId,
};

/// Uses the newest claim of a scope, whoever calls.
pub(crate) struct Open {
    store: Arc<dyn DeadLetterQueue>,
    newest: Mutex<HashMap<Scope, Claim>>,
}

impl Open {
    pub(crate) fn new(store: Arc<dyn DeadLetterQueue>) -> Self {
        Self { store, newest: Mutex::default() }
    }

    fn parks(&self) -> Result<&dyn Parking, StoreError> {
        self.store
            .parking()
            .ok_or_else(|| StoreError::new(StoreFault::Rejected, "parking", "it does not park"))
    }

    fn newest(&self, claim: &Claim) -> Claim {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&claim.scope).unwrap_or(claim).clone()
    }
}

#[async_trait]
impl DeadLetterQueue for Open {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.store.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        self.store.bury(letters).await
    }

    fn parking(&self) -> Option<&dyn Parking> {
        Some(self)
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.store.desk()
    }
}

#[async_trait]
impl Parking for Open {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        let (claim, known) = self.parks()?.claim(scope, owner).await?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.insert(scope.clone(), claim.clone());
        Ok((claim, known))
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        self.parks()?.park(&self.newest(claim), entries).await
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        self.parks()?.page(&self.newest(claim), aggregate, after, limit).await
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        self.parks()?.entry(&self.newest(claim), position).await
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        self.parks()?.resolve(&self.newest(claim), verdicts).await
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.parks()?.forget(&self.newest(claim), aggregates).await
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        let claims: Vec<_> = claims.iter().map(|claim| self.newest(claim)).collect();
        self.parks()?.wishes(&claims, limit).await
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.parks()?.answer(&self.newest(claim), answers, at).await
    }
}

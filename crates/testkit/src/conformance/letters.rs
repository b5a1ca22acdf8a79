//! A dead-letter store that can be told to refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Claim, DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue,
    OwnerId, ParkEntry, ParkedAggregate, Parking, Position, Resolution, Scope, StoreError, StoreFault,
    Timestamp, Wish, WishId,
};

/// A store in front of the adapter's that refuses while it is told to. Clones are the same.
#[derive(Clone)]
pub(crate) struct Moody {
    store: Arc<dyn DeadLetterQueue>,
    refuses: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Moody {
    pub(crate) const WORDS: &str = "no room for the dead";

    pub(crate) fn refusing(store: Arc<dyn DeadLetterQueue>) -> Self {
        Self { store, refuses: Arc::new(AtomicBool::new(true)), refused: Arc::default() }
    }

    pub(crate) fn relent(&self) {
        self.refuses.store(false, Ordering::SeqCst);
    }

    /// The store, unless it refuses to take so many in.
    fn takes(&self, entries: usize) -> Result<&dyn Parking, StoreError> {
        let refusal = |words| StoreError::new(StoreFault::Unavailable, "park", words);
        if entries > 0 && self.refuses.load(Ordering::SeqCst) {
            self.refused.fetch_add(entries, Ordering::SeqCst);
            return Err(refusal(Self::WORDS));
        }
        self.store.parking().ok_or_else(|| refusal("the store does not park"))
    }

    /// How many letters it refused, parked or not.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl DeadLetterQueue for Moody {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.store.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        if self.refuses.load(Ordering::SeqCst) {
            self.refused.fetch_add(letters.len(), Ordering::SeqCst);
            let refusal = |_| Err(StoreError::new(StoreFault::Unavailable, "bury", Self::WORDS));
            return letters.into_iter().map(refusal).collect();
        }
        self.store.bury(letters).await
    }

    fn parking(&self) -> Option<&dyn Parking> {
        self.store.parking().map(|_| self as &dyn Parking)
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.store.desk()
    }
}

/// Refuses what is to be parked or resolved; claims and reading go through.
#[async_trait]
impl Parking for Moody {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        self.takes(0)?.claim(scope, owner).await
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        self.takes(entries.len())?.park(claim, entries).await
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        self.takes(0)?.page(claim, aggregate, after, limit).await
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        self.takes(0)?.entry(claim, position).await
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        self.takes(verdicts.len())?.resolve(claim, verdicts).await
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.takes(0)?.forget(claim, aggregates).await
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        self.takes(0)?.wishes(claims, limit).await
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.takes(0)?.answer(claim, answers, at).await
    }
}

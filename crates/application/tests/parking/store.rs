//! A dead-letter store with troubles of the test's choice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Body, Claim, Clock, DeadLetter, DeadLetterCapabilities, DeadLetterDesk,
    DeadLetterQueue, OwnerId, ParkEntry, ParkedAggregate, Parking, Position, Resolution, Scope, StoreError,
    StoreFault, Timestamp, Wish, WishId,
};
use laneway_memory::MemoryDeadLetters;
use laneway_testkit::SimClock;

const LATE: Duration = Duration::from_millis(9_500);

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    No,
    Refuses,
    /// It is done, and nobody hears of it.
    LosesAnswer,
    Hangs,
    Panics,
    Fenced,
    /// It has nothing.
    Empty,
    /// It is done at once, and its answer takes almost as long as anybody waits.
    Late,
}

type Choice = Box<dyn FnMut(&'static str) -> Trouble + Send>;

/// The memory store, behind troubles.
#[derive(Clone)]
pub(crate) struct Troubled {
    store: MemoryDeadLetters,
    clock: Arc<SimClock>,
    choice: Arc<Mutex<Choice>>,
    rejected: Arc<Mutex<Vec<String>>>,
    page: Arc<AtomicUsize>,
}

impl Troubled {
    pub(crate) fn new(store: MemoryDeadLetters, clock: Arc<SimClock>) -> Self {
        Self {
            store,
            clock,
            choice: Arc::new(Mutex::new(Box::new(|_| Trouble::No))),
            rejected: Arc::default(),
            page: Arc::new(AtomicUsize::new(usize::MAX)),
        }
    }

    /// From now on each call of the parking port, by its name, has the trouble that is chosen.
    pub(crate) fn choose(&self, choice: impl FnMut(&'static str) -> Trouble + Send + 'static) {
        *self.choice.lock().unwrap() = Box::new(choice);
    }

    /// From now on events with one of these payloads are not taken in, nor whatever is to be written together with them.
    pub(crate) fn reject(&self, payloads: &[&str]) {
        *self.rejected.lock().unwrap() = payloads.iter().map(|payload| (*payload).to_owned()).collect();
    }

    /// From now on a page has so many entries at most.
    pub(crate) fn limit_pages(&self, entries: usize) {
        self.page.store(entries, Ordering::Relaxed);
    }

    fn check(&self, entries: &[ParkEntry]) -> Result<(), StoreError> {
        let rejected = self.rejected.lock().unwrap();
        let is_rejected = |entry: &ParkEntry| match &entry.event.body {
            Body::Event(event) => rejected.iter().any(|payload| payload.as_bytes() == &event.payload()[..]),
            Body::Record(_) => false,
        };
        if entries.iter().any(is_rejected) {
            return Err(StoreError::new(StoreFault::Rejected, "park", "the test does not like it"));
        }
        Ok(())
    }

    async fn call<T: Default>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let trouble = (self.choice.lock().unwrap())(name);
        let failed = |fault| Err(StoreError::new(fault, name, "as the test wants it"));
        match trouble {
            Trouble::No => call.await,
            Trouble::Refuses => failed(StoreFault::Unavailable),
            Trouble::LosesAnswer => {
                drop(call.await?);
                failed(StoreFault::Unknown)
            }
            Trouble::Hangs => std::future::pending().await,
            Trouble::Panics => panic!("in a store"),
            Trouble::Fenced => failed(StoreFault::Fenced),
            Trouble::Empty => Ok(T::default()),
            Trouble::Late => {
                let answer = call.await;
                self.clock.wake_at(self.clock.monotonic() + LATE).await;
                answer
            }
        }
    }
}

#[async_trait]
impl DeadLetterQueue for Troubled {
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
impl Parking for Troubled {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        let some = async { self.store.claim(scope, owner).await.map(Some) };
        let unknown = || StoreError::new(StoreFault::Unknown, "claim", "it says nothing");
        self.call("claim", some).await?.ok_or_else(unknown)
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        self.check(&entries)?;
        self.call("park", self.store.park(claim, entries)).await
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        let limit = limit.min(self.page.load(Ordering::Relaxed));
        self.call("page", self.store.page(claim, aggregate, after, limit)).await
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        self.call("entry", self.store.entry(claim, position)).await
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        self.call("resolve", self.store.resolve(claim, verdicts)).await
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.call("forget", self.store.forget(claim, aggregates)).await
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        self.call("wishes", self.store.wishes(claims, limit)).await
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.call("answer", self.store.answer(claim, answers, at)).await
    }
}

//! Something around a dead-letter store.

use async_trait::async_trait;
use laneway_domain::{
    AggregateKey, Answer, Claim, DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue,
    OwnerId, ParkEntry, ParkedAggregate, Parking, Position, Resolution, Scope, StoreError, StoreFault,
    Timestamp, Wish, WishId,
};

/// What is done around a store's calls; by itself, nothing.
#[async_trait]
pub trait StoreHook: Send + Sync {
    /// Makes a call of the parking port, changes it, or does not.
    ///
    /// # Errors
    /// What the caller shall hear.
    async fn parking(&self, call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        call.make(store).await
    }

    /// Buries letters, or does not.
    async fn bury(
        &self,
        letters: Vec<DeadLetter>,
        store: &dyn DeadLetterQueue,
    ) -> Vec<Result<(), StoreError>> {
        store.bury(letters).await
    }
}

/// A dead-letter store with a hook around its calls. The operators' side is the store's own.
#[derive(Debug, Clone)]
pub struct Around<S, H> {
    store: S,
    hook: H,
}

impl<S: DeadLetterQueue, H: StoreHook> Around<S, H> {
    /// Puts a hook around a store.
    pub const fn hooked(store: S, hook: H) -> Self {
        Self { store, hook }
    }

    /// The hook.
    pub const fn hook(&self) -> &H {
        &self.hook
    }

    async fn call(&self, call: ParkingCall) -> Result<ParkingReply, StoreError> {
        let none = || StoreError::new(StoreFault::Rejected, "parking", "the store does not park");
        self.hook.parking(call, self.store.parking().ok_or_else(none)?).await
    }
}

/// A call of the parking port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParkingCall {
    /// [`Parking::claim`].
    Claim(Scope, OwnerId),
    /// [`Parking::park`].
    Park(Claim, Vec<ParkEntry>),
    /// [`Parking::page`].
    Page(Claim, AggregateKey, Option<Position>, usize),
    /// [`Parking::entry`].
    Entry(Claim, Position),
    /// [`Parking::resolve`].
    Resolve(Claim, Vec<(Position, Resolution)>),
    /// [`Parking::forget`].
    Forget(Claim, Vec<AggregateKey>),
    /// [`Parking::wishes`].
    Wishes(Vec<Claim>, usize),
    /// [`Parking::answer`].
    Answer(Claim, Vec<(WishId, Answer)>, Timestamp),
}

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParkingReply {
    /// To a claim.
    Claimed(Claim, Vec<ParkedAggregate>),
    /// To a page, and to a single entry.
    Entries(Vec<ParkEntry>),
    /// To a question for wishes.
    Wishes(Vec<Wish>),
    /// To a write.
    Done,
}

impl ParkingCall {
    /// The method's name; `begin` for a `resolve` that only says that attempts begin.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let begins = |(_, resolution): &(_, Resolution)| matches!(resolution, Resolution::Begun(_));
        match self {
            Self::Claim(..) => "claim",
            Self::Park(..) => "park",
            Self::Page(..) => "page",
            Self::Entry(..) => "entry",
            Self::Resolve(_, verdicts) if verdicts.iter().all(begins) => "begin",
            Self::Resolve(..) => "resolve",
            Self::Forget(..) => "forget",
            Self::Wishes(..) => "wishes",
            Self::Answer(..) => "answer",
        }
    }

    /// The claims that it is made with.
    #[must_use]
    pub fn claims(&mut self) -> &mut [Claim] {
        match self {
            Self::Claim(..) => &mut [],
            Self::Wishes(claims, _) => claims,
            Self::Park(claim, _)
            | Self::Page(claim, ..)
            | Self::Entry(claim, _)
            | Self::Resolve(claim, _)
            | Self::Forget(claim, _)
            | Self::Answer(claim, ..) => std::slice::from_mut(claim),
        }
    }

    /// How many entries it adds or changes.
    #[must_use]
    pub const fn changes(&self) -> usize {
        match self {
            Self::Park(_, entries) => entries.len(),
            Self::Resolve(_, verdicts) => verdicts.len(),
            _ => 0,
        }
    }

    /// Makes it.
    ///
    /// # Errors
    /// The store's.
    pub async fn make(self, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        match self {
            Self::Claim(scope, owner) => {
                let (claim, known) = store.claim(&scope, &owner).await?;
                return Ok(ParkingReply::Claimed(claim, known));
            }
            Self::Page(claim, aggregate, after, limit) => {
                return store.page(&claim, &aggregate, after, limit).await.map(ParkingReply::Entries);
            }
            Self::Entry(claim, position) => {
                let entry = store.entry(&claim, position).await?;
                return Ok(ParkingReply::Entries(entry.into_iter().collect()));
            }
            Self::Wishes(claims, limit) => {
                return store.wishes(&claims, limit).await.map(ParkingReply::Wishes);
            }
            Self::Park(claim, entries) => store.park(&claim, entries).await?,
            Self::Resolve(claim, verdicts) => store.resolve(&claim, verdicts).await?,
            Self::Forget(claim, aggregates) => store.forget(&claim, aggregates).await?,
            Self::Answer(claim, answers, at) => store.answer(&claim, answers, at).await?,
        }
        Ok(ParkingReply::Done)
    }
}

impl ParkingReply {
    fn entries(self) -> Vec<ParkEntry> {
        match self {
            Self::Entries(entries) => entries,
            Self::Claimed(..) | Self::Wishes(_) | Self::Done => Vec::new(),
        }
    }
}

#[async_trait]
impl<S: DeadLetterQueue, H: StoreHook> DeadLetterQueue for Around<S, H> {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.store.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        self.hook.bury(letters, &self.store).await
    }

    fn parking(&self) -> Option<&dyn Parking> {
        self.store.parking().map(|_| self as &dyn Parking)
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.store.desk()
    }
}

#[async_trait]
impl<S: DeadLetterQueue, H: StoreHook> Parking for Around<S, H> {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        match self.call(ParkingCall::Claim(scope.clone(), owner.clone())).await? {
            ParkingReply::Claimed(claim, known) => Ok((claim, known)),
            _ => Err(StoreError::new(StoreFault::Unknown, "claim", "the store says nothing")),
        }
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        self.call(ParkingCall::Park(claim.clone(), entries)).await.map(drop)
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        let call = ParkingCall::Page(claim.clone(), aggregate.clone(), after, limit);
        self.call(call).await.map(ParkingReply::entries)
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        let reply = self.call(ParkingCall::Entry(claim.clone(), position)).await?;
        Ok(reply.entries().pop())
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        self.call(ParkingCall::Resolve(claim.clone(), verdicts)).await.map(drop)
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.call(ParkingCall::Forget(claim.clone(), aggregates)).await.map(drop)
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        match self.call(ParkingCall::Wishes(claims.to_vec(), limit)).await? {
            ParkingReply::Wishes(wishes) => Ok(wishes),
            _ => Ok(Vec::new()),
        }
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.call(ParkingCall::Answer(claim.clone(), answers, at)).await.map(drop)
    }
}

//! Recording what is parked.

use async_trait::async_trait;
use laneway_domain::invariant::{Digest, Happening, Place};
use laneway_domain::{
    AggregateKey, Answer, Body, Claim, DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue,
    OwnerId, ParkEntry, ParkState, ParkedAggregate, Parking, Position, Resolution, Scope, StoreError,
    Timestamp, Wish, WishId,
};

use super::recorder::Recorder;

/// A dead-letter queue whose parked entries are recorded: what came, what was handed out, and what became of it.
///
/// A write whose answer is lost is in the store all the same, and its next owner finds it there: so this stands below
/// whatever loses answers.
#[derive(Debug, Clone)]
pub struct RecordedParking<D> {
    inner: D,
    recorder: Recorder,
}

impl<D: DeadLetterQueue> RecordedParking<D> {
    /// Records around `inner`.
    pub const fn new(inner: D, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }

    fn parks(&self) -> Result<&dyn Parking, StoreError> {
        let none =
            || StoreError::new(laneway_domain::StoreFault::Rejected, "parking", "the store does not park");
        self.inner.parking().ok_or_else(none)
    }
}

#[async_trait]
impl<D: DeadLetterQueue> DeadLetterQueue for RecordedParking<D> {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.inner.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        self.inner.bury(letters).await
    }

    fn parking(&self) -> Option<&dyn Parking> {
        self.inner.parking().map(|_| self as &dyn Parking)
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.inner.desk()
    }
}

#[async_trait]
impl<D: DeadLetterQueue> Parking for RecordedParking<D> {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        self.parks()?.claim(scope, owner).await
    }

    async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) -> Result<(), StoreError> {
        let parked: Vec<_> = entries.iter().map(|entry| parked(&claim.scope, entry)).collect();
        self.parks()?.park(claim, entries).await?;
        self.recorder.record_all(parked);
        Ok(())
    }

    async fn page(
        &self,
        claim: &Claim,
        aggregate: &AggregateKey,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        let page = self.parks()?.page(claim, aggregate, after, limit).await?;
        self.recorder.record_all(page.iter().map(|entry| redriven(&claim.scope, entry)));
        Ok(page)
    }

    async fn entry(&self, claim: &Claim, position: Position) -> Result<Option<ParkEntry>, StoreError> {
        let entry = self.parks()?.entry(claim, position).await?;
        self.recorder.record_all(entry.iter().map(|entry| redriven(&claim.scope, entry)));
        Ok(entry)
    }

    async fn resolve(&self, claim: &Claim, verdicts: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        let place = |position| Place { scope: claim.scope.clone(), position };
        let resolved: Vec<_> =
            verdicts.iter().map(|(position, resolution)| resolved(place(*position), resolution)).collect();
        self.parks()?.resolve(claim, verdicts).await?;
        self.recorder.record_all(resolved);
        Ok(())
    }

    async fn forget(&self, claim: &Claim, aggregates: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.parks()?.forget(claim, aggregates).await
    }

    async fn wishes(&self, claims: &[Claim], limit: usize) -> Result<Vec<Wish>, StoreError> {
        self.parks()?.wishes(claims, limit).await
    }

    async fn answer(
        &self,
        claim: &Claim,
        answers: Vec<(WishId, Answer)>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.parks()?.answer(claim, answers, at).await
    }
}

/// An entry's own aggregate, where it is known: that of its lane may stand for several.
fn parked(scope: &Scope, entry: &ParkEntry) -> Happening {
    let place = Place { scope: scope.clone(), position: entry.event.position };
    let digest = Digest::of_body(&entry.event.body);
    let (id, key) = match &entry.event.body {
        Body::Event(envelope) => (envelope.id(), envelope.key()),
        Body::Record(_) => (None, entry.key.clone()),
    };
    match &entry.state {
        ParkState::Dead(death) => {
            Happening::DeadLettered { place, id, key, digest, cause: death.cause, parks: true }
        }
        ParkState::Follower | ParkState::Backoff { .. } => Happening::Parked { place, key, digest },
    }
}

fn redriven(scope: &Scope, entry: &ParkEntry) -> Happening {
    Happening::Redriven { place: Place { scope: scope.clone(), position: entry.event.position } }
}

fn resolved(place: Place, resolution: &Resolution) -> Happening {
    match resolution {
        Resolution::Handled => Happening::Left { place, handled: true },
        Resolution::Skipped => Happening::Left { place, handled: false },
        Resolution::Stays(state) => Happening::Returned { place, dead: matches!(state, ParkState::Dead(_)) },
        Resolution::Edited(body) => Happening::Edited { place, digest: Digest::of_body(body) },
    }
}

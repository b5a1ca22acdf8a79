//! A dead-letter store through faults.

use async_trait::async_trait;
use laneway_domain::{DeadLetter, DeadLetterQueue, Parking, StoreError, StoreFault};

use super::dice::Faults;
use super::fault::Fault;
use crate::around::{Around, ParkingCall, ParkingReply, StoreHook};

/// A dead-letter queue that is late, refuses, or whose answers are lost, and whose scopes are claimed by others. The
/// operators' side knows no faults.
pub type FaultyDeadLetters<D> = Around<D, LetterFaults>;

/// The faults of a dead-letter store.
#[derive(Debug, Clone)]
pub struct LetterFaults(Faults);

impl<D: DeadLetterQueue> FaultyDeadLetters<D> {
    /// Wraps `inner`.
    pub fn new(inner: D, faults: Faults) -> Self {
        Self::hooked(inner, LetterFaults(faults))
    }
}

impl LetterFaults {
    /// Lets a call through, or not; whether its answer is lost.
    async fn pass(&self) -> Result<bool, StoreFault> {
        self.0.may_delay(Fault::LetterDelay).await;
        if self.0.strikes(Fault::LetterRefused) {
            return Err(StoreFault::Unavailable);
        }
        Ok(self.0.strikes(Fault::LetterAnswerLost))
    }
}

#[async_trait]
impl StoreHook for LetterFaults {
    async fn parking(&self, mut call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        let failed = |kind| StoreError::new(kind, "parking", "a fault of the plan");
        let lost = self.pass().await.map_err(failed)?;
        let asks = matches!(call, ParkingCall::Wishes(..));
        if let [claim] = call.claims()
            && !asks
            && self.0.strikes(Fault::LetterFenced)
        {
            // Whoever claims it says nothing more.
            drop(store.claim(&claim.scope, &claim.owner).await?);
        }
        let reply = call.make(store).await?;
        if lost { Err(failed(StoreFault::Unknown)) } else { Ok(reply) }
    }

    async fn bury(
        &self,
        letters: Vec<DeadLetter>,
        store: &dyn DeadLetterQueue,
    ) -> Vec<Result<(), StoreError>> {
        let count = letters.len();
        match self.pass().await {
            Err(kind) => failed(count, kind),
            Ok(lost) => {
                let results = store.bury(letters).await;
                if lost { failed(count, StoreFault::Unknown) } else { results }
            }
        }
    }
}

fn failed(count: usize, kind: StoreFault) -> Vec<Result<(), StoreError>> {
    (0..count).map(|_| Err(StoreError::new(kind, "bury", "a fault of the plan"))).collect()
}

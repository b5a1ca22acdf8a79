//! Burying through faults.

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Parking, StoreError, StoreFault,
};

use super::dice::Faults;
use super::fault::Fault;

/// A dead-letter queue that is late, refuses, or whose answers are lost, and whose scopes are claimed by others. The
/// operators' side knows no faults.
#[derive(Debug, Clone)]
pub struct FaultyDeadLetters<D> {
    pub(super) inner: D,
    pub(super) faults: Faults,
}

impl<D: DeadLetterQueue> FaultyDeadLetters<D> {
    /// Wraps `inner`.
    pub fn new(inner: D, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl<D: DeadLetterQueue> DeadLetterQueue for FaultyDeadLetters<D> {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.inner.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        self.faults.may_delay(Fault::LetterDelay).await;
        let count = letters.len();
        if self.faults.strikes(Fault::LetterRefused) {
            return failed(count, StoreFault::Unavailable);
        }
        let lost = self.faults.strikes(Fault::LetterAnswerLost);
        let results = self.inner.bury(letters).await;
        if lost { failed(count, StoreFault::Unknown) } else { results }
    }

    fn parking(&self) -> Option<&dyn Parking> {
        self.inner.parking().map(|_| self as &dyn Parking)
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.inner.desk()
    }
}

fn failed(count: usize, kind: StoreFault) -> Vec<Result<(), StoreError>> {
    (0..count).map(|_| Err(StoreError::new(kind, "bury", "a fault of the plan"))).collect()
}

//! A dead-letter store that can be told to refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Parking, StoreError, StoreFault,
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

    /// How many letters it refused.
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
        self.store.parking()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.store.desk()
    }
}

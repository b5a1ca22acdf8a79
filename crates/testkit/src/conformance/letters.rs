//! A dead-letter store that can be told to refuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use laneway_domain::{DeadLetter, DeadLetterQueue, Parking, StoreError, StoreFault};

use crate::around::{Around, ParkingCall, ParkingReply, StoreHook};

/// A store in front of the adapter's that refuses while it is told to. Clones are the same.
pub(crate) type Moody = Around<Arc<dyn DeadLetterQueue>, Mood>;

/// Refuses what is to be parked or resolved, and letters; claims and reading go through.
#[derive(Debug, Clone)]
pub(crate) struct Mood {
    refuses: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Moody {
    pub(crate) const WORDS: &str = "no room for the dead";

    pub(crate) fn refusing(store: Arc<dyn DeadLetterQueue>) -> Self {
        let refuses = Arc::new(AtomicBool::new(true));
        Self::hooked(store, Mood { refuses, refused: Arc::default() })
    }

    pub(crate) fn relent(&self) {
        self.hook().refuses.store(false, Ordering::SeqCst);
    }

    /// How many letters it refused, parked or not.
    pub(crate) fn refused(&self) -> usize {
        self.hook().refused.load(Ordering::SeqCst)
    }
}

impl Mood {
    /// The refusal of so many entries, where it refuses.
    fn refusal(&self, entries: usize) -> Option<StoreError> {
        let refuses = entries > 0 && self.refuses.load(Ordering::SeqCst);
        refuses.then(|| {
            self.refused.fetch_add(entries, Ordering::SeqCst);
            StoreError::new(StoreFault::Unavailable, "park", Moody::WORDS)
        })
    }
}

#[async_trait]
impl StoreHook for Mood {
    async fn parking(&self, call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        match self.refusal(call.changes()) {
            Some(refusal) => Err(refusal),
            None => call.make(store).await,
        }
    }

    async fn bury(
        &self,
        letters: Vec<DeadLetter>,
        store: &dyn DeadLetterQueue,
    ) -> Vec<Result<(), StoreError>> {
        if self.refuses.load(Ordering::SeqCst) {
            return letters.iter().filter_map(|_| self.refusal(1)).map(Err).collect();
        }
        store.bury(letters).await
    }
}

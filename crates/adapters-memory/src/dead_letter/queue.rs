//! The queue: takes letters in.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, ParkEntry, ParkState, Parking,
    Received, Scope, StoreError,
};

use super::books::Books;

/// A dead-letter store that lives in memory: it lists, parks and redrives.
///
/// It is volatile and has no bound: every letter stays until it is handled, or the last clone is dropped. Clones share
/// the letters. A letter that is buried again takes the place of the one before. Letters share no buffer with the log
/// they came from.
///
/// ```
/// use laneway_domain::DeadLetterQueue;
/// let letters = laneway_memory::MemoryDeadLetters::new();
/// assert!(letters.capabilities().parks && letters.desk().is_some());
/// ```
#[derive(Clone, Default)]
pub struct MemoryDeadLetters {
    books: Arc<Mutex<Books>>,
}

impl MemoryDeadLetters {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeadLetterQueue for MemoryDeadLetters {
    fn capabilities(&self) -> DeadLetterCapabilities {
        DeadLetterCapabilities { lists: true, redrives: true, parks: true }
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        let letters: Vec<_> = letters.into_iter().map(entry).collect();
        let mut books = self.lock();
        letters.into_iter().map(|(scope, entry)| books.shelf(&scope).keep(entry, false)).map(Ok).collect()
    }

    fn parking(&self) -> Option<&dyn Parking> {
        Some(self)
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        Some(self)
    }
}

fn entry(letter: DeadLetter) -> (Scope, ParkEntry) {
    let DeadLetter { id, key, appended, original, death } = letter;
    let scope = Scope { group: id.group, topic: id.topic, partition: id.partition };
    let event = Received { position: id.position, appended, body: original };
    (scope, ParkEntry { key, event, state: ParkState::Dead(Box::new(death)) })
}

impl fmt::Debug for MemoryDeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDeadLetters").field("letters", &self.lock().len()).finish()
    }
}

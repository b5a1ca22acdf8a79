//! Dead letters in memory.

use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, GroupId, Invalid, LetterId,
    StoreError,
};

use crate::config::DeadLetterConfig;
use crate::graveyard::Graveyard;

/// A dead-letter queue that lives in memory: it lists, and neither redrives nor parks.
///
/// It is volatile, and holds as much as its [`DeadLetterConfig`] says. What does not fit is refused, and no letter goes
/// to make room: the event stays uncommitted, its lane waits, and the health of the subscription says so, until
/// [`remove`](Self::remove) makes room. Clones share the letters. A letter that is buried again takes the place of the
/// one before. Letters share no buffer with the log they came from.
///
/// ```
/// use laneway_domain::DeadLetterQueue;
/// let letters = laneway_memory::MemoryDeadLetters::new();
/// assert!(letters.capabilities().lists && letters.desk().is_some());
/// ```
#[derive(Clone, Default)]
pub struct MemoryDeadLetters {
    graves: Arc<Mutex<Graveyard>>,
}

impl MemoryDeadLetters {
    /// An empty queue with the room that [`DeadLetterConfig::default`] gives.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty queue with this much room.
    ///
    /// # Errors
    /// Every rule that the settings break, at once.
    pub fn bounded(config: DeadLetterConfig) -> Result<Self, Vec<Invalid>> {
        let faults = config.faults();
        if faults.is_empty() {
            Ok(Self { graves: Arc::new(Mutex::new(Graveyard::new(config))) })
        } else {
            Err(faults)
        }
    }

    /// Takes a letter out, and gives its room back.
    #[must_use = "the letter is no longer kept"]
    pub fn remove(&self, id: &LetterId) -> Option<DeadLetter> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, Graveyard> {
        self.graves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeadLetterQueue for MemoryDeadLetters {
    fn capabilities(&self) -> DeadLetterCapabilities {
        DeadLetterCapabilities { lists: true, redrives: false, parks: false }
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        let own = |letter: DeadLetter| DeadLetter { original: letter.original.detached(), ..letter };
        let letters: Vec<_> = letters.into_iter().map(own).collect();
        let mut graves = self.lock();
        letters.into_iter().map(|letter| graves.bury(letter)).collect()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        Some(self)
    }
}

#[async_trait]
impl DeadLetterDesk for MemoryDeadLetters {
    async fn list(
        &self,
        group: &GroupId,
        after: Option<&LetterId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        Ok(self.lock().list(group, behind, limit))
    }
}

impl fmt::Debug for MemoryDeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letters, bytes) = self.lock().held();
        f.debug_struct("MemoryDeadLetters").field("letters", &letters).field("bytes", &bytes).finish()
    }
}

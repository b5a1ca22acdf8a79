//! Dead letters in memory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, GroupId, LetterId, StoreError,
};

/// A dead-letter queue that lives in memory: it lists, and neither redrives nor parks.
///
/// It is volatile and has no bound: every letter stays until the last clone is dropped. Clones share the letters. A
/// letter that is buried again takes the place of the one before. Letters share no buffer with the log they came from.
///
/// ```
/// use laneway_domain::DeadLetterQueue;
/// let letters = laneway_memory::MemoryDeadLetters::new();
/// assert!(letters.capabilities().lists && letters.desk().is_some());
/// ```
#[derive(Clone, Default)]
pub struct MemoryDeadLetters {
    groups: Arc<Mutex<Groups>>,
}

type Groups = HashMap<GroupId, BTreeMap<LetterId, DeadLetter>>;

impl MemoryDeadLetters {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut groups = self.lock();
        let bury = |letter: DeadLetter| {
            groups.entry(letter.id.group.clone()).or_default().insert(letter.id.clone(), letter);
            Ok(())
        };
        letters.into_iter().map(bury).collect()
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
        let groups = self.lock();
        let Some(letters) = groups.get(group) else { return Ok(Vec::new()) };
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        Ok(letters.range(behind).take(limit).map(|(_, letter)| letter.clone()).collect())
    }
}

impl fmt::Debug for MemoryDeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: usize = self.lock().values().map(BTreeMap::len).sum();
        f.debug_struct("MemoryDeadLetters").field("letters", &letters).finish()
    }
}

//! The queue: takes letters in.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    Begun, DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Invalid, LetterId, ParkEntry,
    ParkState, Parking, Received, Resolution, Scope, StoreError,
};

use super::books::Books;
use crate::config::DeadLetterConfig;

/// A dead-letter store that lives in memory: it lists, parks and redrives.
///
/// It is volatile, and holds as much as its [`DeadLetterConfig`] says. What does not fit is refused, and no letter goes
/// to make room: the event stays uncommitted, its lane waits, and the health of the subscription says so, until a redrive
/// or [`remove`](Self::remove) makes room. Clones share the letters. A letter that is buried again takes the place of the
/// one before. Letters share no buffer with the log they came from.
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
    /// An empty store with the room that [`DeadLetterConfig::default`] gives.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with this much room.
    ///
    /// # Errors
    /// Every rule that the settings break, at once.
    pub fn bounded(config: DeadLetterConfig) -> Result<Self, Vec<Invalid>> {
        let faults = config.faults();
        if faults.is_empty() {
            Ok(Self { books: Arc::new(Mutex::new(Books::new(config))) })
        } else {
            Err(faults)
        }
    }

    /// Takes a dead letter out, whatever waits behind it, and gives its room back. The owner of its partition does not
    /// hear of it: a parked aggregate stays closed until somebody redrives it.
    #[must_use = "the letter is no longer kept"]
    pub fn remove(&self, id: &LetterId) -> Option<DeadLetter> {
        let scope = Scope { group: id.group.clone(), topic: id.topic.clone(), partition: id.partition };
        let mut books = self.lock();
        let ParkEntry { key, event, state, .. } = books.known_shelf(&scope)?.entry(id.position)?.clone();
        let ParkState::Dead(death) = state else { return None };
        books.resolve(&scope, id.position, Resolution::Skipped);
        Some(DeadLetter {
            id: id.clone(),
            key,
            appended: event.appended,
            original: event.body,
            death: *death,
        })
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
        letters.into_iter().map(|(scope, entry)| books.keep(&scope, vec![entry], false)).collect()
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
    let event = detached(&Received { position: id.position, appended, body: original });
    let state = ParkState::Dead(Box::new(death));
    (scope, ParkEntry { key, event, state, begun: Begun::default() })
}

/// An event that shares no buffer with the log that it came from.
pub(super) fn detached(event: &Received) -> Received {
    Received { position: event.position, appended: event.appended, body: event.body.detached() }
}

impl fmt::Debug for MemoryDeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = self.lock().bounds;
        let mut debug = f.debug_struct("MemoryDeadLetters");
        debug.field("letters", &bounds.letters).field("bytes", &bounds.bytes).finish()
    }
}

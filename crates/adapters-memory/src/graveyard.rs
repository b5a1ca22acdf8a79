//! What a dead-letter queue holds, within its bounds.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use laneway_domain::{DeadLetter, GroupId, LetterId, StoreError, StoreFault};

use crate::config::DeadLetterConfig;

/// Letters by group, counted.
#[derive(Debug, Default)]
pub(crate) struct Graveyard {
    config: DeadLetterConfig,
    groups: HashMap<GroupId, BTreeMap<LetterId, DeadLetter>>,
    letters: usize,
    bytes: usize,
}

impl Graveyard {
    pub(crate) fn new(config: DeadLetterConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// How many letters there are, and their bytes.
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.letters, self.bytes)
    }

    /// Takes a letter where there is room for it. One that is buried again needs only the room by which it grew.
    pub(crate) fn bury(&mut self, letter: DeadLetter) -> Result<(), StoreError> {
        let before = self.groups.get(&letter.id.group).and_then(|group| group.get(&letter.id));
        let (one, same) = before.map_or((0, 0), |before| (1, weight(before)));
        let weight = weight(&letter);
        let (letters, bytes) = (self.letters - one + 1, self.bytes - same + weight);
        if let Some(refusal) = self.refusal(letters, bytes, weight) {
            return Err(refusal);
        }
        (self.letters, self.bytes) = (letters, bytes);
        self.groups.entry(letter.id.group.clone()).or_default().insert(letter.id.clone(), letter);
        Ok(())
    }

    /// Why so many letters of so many bytes cannot be held, the newest of which has `weight`.
    fn refusal(&self, letters: usize, bytes: usize, weight: usize) -> Option<StoreError> {
        let DeadLetterConfig { letters: most, bytes: most_bytes } = self.config;
        let (fault, reason) = if weight > most_bytes {
            (StoreFault::Rejected, format!("the letter has {weight} bytes, and {most_bytes} are allowed"))
        } else if letters > most {
            (StoreFault::Unavailable, format!("there are {most} letters, and no more are allowed"))
        } else if bytes > most_bytes {
            let held = self.bytes;
            (StoreFault::Unavailable, format!("letters have {held} of the {most_bytes} bytes allowed"))
        } else {
            return None;
        };
        Some(StoreError::new(fault, "bury", reason))
    }

    pub(crate) fn remove(&mut self, id: &LetterId) -> Option<DeadLetter> {
        let group = self.groups.get_mut(&id.group)?;
        let letter = group.remove(id)?;
        if group.is_empty() {
            self.groups.remove(&id.group);
        }
        self.letters -= 1;
        self.bytes -= weight(&letter);
        Some(letter)
    }

    pub(crate) fn list(
        &self,
        group: &GroupId,
        range: (Bound<&LetterId>, Bound<&LetterId>),
        limit: usize,
    ) -> Vec<DeadLetter> {
        let letters = self.groups.get(group).into_iter().flat_map(|letters| letters.range(range));
        letters.take(limit).map(|(_, letter)| letter.clone()).collect()
    }
}

/// The bytes of an entry: itself, its event and its messages.
fn weight(letter: &DeadLetter) -> usize {
    size_of::<DeadLetter>() + letter.original.size() + letter.errors.iter().map(String::len).sum::<usize>()
}

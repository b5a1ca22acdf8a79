//! How much the store holds, and how much it may.

use laneway_domain::{Death, ParkEntry, ParkState, StoreError, StoreFault};

use crate::config::DeadLetterConfig;

/// Entries and bytes, counted.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bounds {
    config: DeadLetterConfig,
    pub(super) letters: usize,
    pub(super) bytes: usize,
}

impl Bounds {
    pub(super) fn new(config: DeadLetterConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Counts an entry in the place of one before it.
    pub(super) fn swap(&mut self, before: Option<&ParkEntry>, now: Option<&ParkEntry>) {
        self.letters = self.letters + now.iter().len() - before.iter().len();
        self.bytes = self.bytes + now.map_or(0, weight) - before.map_or(0, weight);
    }

    /// Counts what is remembered of heads that have left.
    pub(super) fn remember(&mut self, before: usize, now: usize) {
        self.bytes = self.bytes + now - before;
    }

    /// Whether it may hold so much more, the newest of which is `entry`.
    pub(super) fn check(&self, entry: &ParkEntry, operation: &'static str) -> Result<(), StoreError> {
        let DeadLetterConfig { letters: most, bytes: most_bytes } = self.config;
        let weight = weight(entry);
        let (fault, reason) = if weight > most_bytes {
            (StoreFault::Rejected, format!("the letter has {weight} bytes, and {most_bytes} are allowed"))
        } else if self.letters > most {
            (StoreFault::Unavailable, format!("there are {most} letters, and no more are allowed"))
        } else if self.bytes > most_bytes {
            let held = self.bytes - weight;
            (StoreFault::Unavailable, format!("letters have {held} of the {most_bytes} bytes allowed"))
        } else {
            return Ok(());
        };
        Err(StoreError::new(fault, operation, reason))
    }
}

/// The bytes of an entry: itself, its event and its messages.
fn weight(entry: &ParkEntry) -> usize {
    let messages = match &entry.state {
        ParkState::Dead(death) => messages(death),
        ParkState::Follower | ParkState::Backoff { .. } => 0,
    };
    size_of::<ParkEntry>() + entry.event.body.size() + messages
}

/// The bytes of a death's messages.
pub(super) fn messages(death: &Death) -> usize {
    death.errors.iter().map(String::len).sum()
}

//! Failed attempts of open events: few, so a table beside the ledger.

use hashbrown::HashMap;

use super::open::Slot;

/// How often open events failed. Empty, and free, while nothing fails.
#[derive(Debug, Default)]
pub(crate) struct Attempts(HashMap<Slot, u32, foldhash::fast::FixedState>);

impl Attempts {
    pub(crate) fn set(&mut self, slot: Slot, failed: u32) {
        self.0.insert(slot, failed);
    }

    #[inline]
    pub(crate) fn forget(&mut self, slot: Slot) {
        if !self.0.is_empty() {
            self.remove(slot);
        }
    }

    #[cold]
    fn remove(&mut self, slot: Slot) {
        self.0.remove(&slot);
    }

    pub(crate) fn of(&self, slot: Slot) -> u32 {
        self.0.get(&slot).copied().unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

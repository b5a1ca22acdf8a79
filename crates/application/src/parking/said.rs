//! What became of entries, on its way into the store.

use laneway_domain::{Position, Resolution};

/// Verdicts in the order in which they are written, and how far that has come.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    waiting: Vec<(Position, Resolution)>,
    /// How many went into a write.
    taken: u64,
    /// How many are in the store.
    written: u64,
}

impl Verdicts {
    pub(crate) fn push(&mut self, verdict: (Position, Resolution)) {
        self.waiting.push(verdict);
    }

    pub(crate) fn extend(&mut self, verdicts: impl IntoIterator<Item = (Position, Resolution)>) {
        self.waiting.extend(verdicts);
    }

    /// Whether none waits for a write.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one about this entry waits for a write.
    pub(crate) fn has(&self, position: Position) -> bool {
        self.waiting.iter().any(|(of, _)| *of == position)
    }

    /// The next write.
    pub(crate) fn take(&mut self) -> Vec<(Position, Resolution)> {
        self.taken += self.waiting.len() as u64;
        std::mem::take(&mut self.waiting)
    }

    /// What was taken is in the store.
    pub(crate) fn are_written(&mut self) {
        self.written = self.taken;
    }

    /// The number of the last verdict.
    pub(crate) fn last(&self) -> u64 {
        self.taken + self.waiting.len() as u64
    }

    /// The number of the last one that is in the store.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }
}

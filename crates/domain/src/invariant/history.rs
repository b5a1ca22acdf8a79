//! What happened, in order.

use super::happening::Happening;
use crate::time::Monotonic;

/// What was recorded of one or several buses and their broker, in the order in which it was seen.
///
/// A history ends when nothing is left to do, or at least nothing that the invariants asked of it speak about: I1 asks
/// at its end for what is still unhandled. A topic that is deleted and made again needs a history of its own.
#[derive(Debug, Clone, Default)]
pub struct History {
    moments: Vec<Moment>,
    end: Monotonic,
}

/// A happening and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When it was recorded.
    pub at: Monotonic,
    /// What happened.
    pub what: Happening,
}

impl History {
    /// An empty history.
    #[must_use]
    pub const fn new() -> Self {
        Self { moments: Vec::new(), end: Monotonic::ZERO }
    }

    /// Adds what happened next. A time before that of the last happening counts as that.
    pub fn push(&mut self, at: Monotonic, what: Happening) {
        self.end = self.end.max(at);
        self.moments.push(Moment { at: self.end, what });
    }

    /// Says that nothing more happened until `end`.
    pub fn watched_until(&mut self, end: Monotonic) {
        self.end = self.end.max(end);
    }

    /// Until when it was watched.
    #[must_use]
    pub const fn end(&self) -> Monotonic {
        self.end
    }

    /// What happened, in order.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// How many happenings there are: the index of the end.
    #[must_use]
    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    /// Index, time and happening.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, Monotonic, &Happening)> {
        self.moments.iter().enumerate().map(|(index, moment)| (index, moment.at, &moment.what))
    }
}

impl FromIterator<Moment> for History {
    fn from_iter<I: IntoIterator<Item = Moment>>(moments: I) -> Self {
        let mut history = Self::new();
        for moment in moments {
            history.push(moment.at, moment.what);
        }
        history
    }
}

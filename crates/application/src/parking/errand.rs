//! An errand: what is done with one parked aggregate, page by page.

use laneway_domain::{Position, WishId};

/// One errand.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) kind: Kind,
    /// Whose it is; none for an aggregate whose next attempt is due.
    pub(crate) wish: Option<WishId>,
    /// Where the last page ended.
    pub(crate) cursor: Option<Position>,
    /// How many events had their end in it.
    pub(crate) count: u64,
    pub(crate) stage: Stage,
}

/// What an errand is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Handle everything again, at most so many a second.
    Redrive(Option<u32>),
    /// Handle the entry at this position again, if it is the first.
    Alone(Position),
    /// Let the head go.
    Skip,
    /// Let everything go.
    Purge,
    /// See whether anything is left, and open the lane where nothing is.
    Check,
}

/// Where an errand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The next page has to be read.
    ToRead,
    /// It is being read.
    Reading,
    /// It is in its lane.
    AtWork,
}

impl Errand {
    pub(crate) const fn new(kind: Kind, wish: Option<WishId>) -> Self {
        Self { kind, wish, cursor: None, count: 0, stage: Stage::ToRead }
    }

    /// How many entries its next page may have.
    pub(crate) const fn page(&self) -> usize {
        match self.kind {
            Kind::Redrive(_) => 64,
            Kind::Alone(_) | Kind::Skip | Kind::Check => 1,
            Kind::Purge => 256,
        }
    }
}

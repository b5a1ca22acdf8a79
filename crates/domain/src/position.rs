//! Where an event stands: partition, position, epoch, and where reading goes on.

use std::fmt;

/// A place in a partition: made by one adapter, increasing, with gaps.
///
/// The core orders, stores and returns positions. It never adds to one: only the adapter knows a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Adapters make positions from what their broker counts.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number behind the position.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resume {
    /// At the first event that the partition still has.
    #[default]
    Start,
    /// At this position, which is the next to be read.
    At(Position),
    /// After this position, which is the last that is finished.
    After(Position),
}

impl Resume {
    /// Whether everything at `position` and before it lies behind this point.
    #[must_use]
    pub fn is_past(self, position: Position) -> bool {
        match self {
            Self::Start => false,
            Self::At(next) => next > position,
            Self::After(last) => last >= position,
        }
    }

    /// A number that grows as reading goes on; only to compare two points of one partition.
    ///
    /// `After(p)` and `At(p + 1)` stand at the same rank, which is right for comparing and says nothing about which
    /// position exists.
    #[must_use]
    pub fn rank(self) -> u64 {
        match self {
            Self::Start => 0,
            Self::At(next) => next.0,
            Self::After(last) => last.0.saturating_add(1),
        }
    }
}

/// Rises with every assignment that a session hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// A partition as one session numbers it, for that session's life: small and dense, an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub u32);

/// The number of a partition within its topic, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionNumber(pub u32);

impl fmt::Display for PartitionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_is_the_next_to_read_and_after_is_the_last_that_is_done() {
        let p = Position::new(7);
        assert!(!Resume::Start.is_past(Position::new(0)));
        assert!(!Resume::At(p).is_past(p) && Resume::After(p).is_past(p));
        assert_eq!(Resume::After(p).rank(), Resume::At(Position::new(8)).rank());
    }
}

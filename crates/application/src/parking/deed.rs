//! What a lot wants done by the loop.

use laneway_domain::{AggregateKey, ParkEntry, ParkedAggregate, Position};

use super::call::Arrival;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Deed {
    /// The scope is ours: tell the workers what is parked, and start to read.
    Start(Vec<ParkedAggregate>),
    /// These are in the store: their positions are settled.
    Settle(Vec<Arrival>),
    /// These go into their lane.
    Feed(Feed),
    /// Somebody else has claimed the scope: the partition is not ours any more.
    Fenced,
}

/// Entries on their way back into a lane.
#[derive(Debug)]
pub(crate) struct Feed {
    /// The aggregate; none for an event without one.
    pub(crate) key: Option<AggregateKey>,
    pub(crate) entries: Vec<ParkEntry>,
    /// The last position that the store has, where these are the last entries of a parked aggregate.
    pub(crate) upto: Option<Position>,
    /// Whether their aggregate is not parked.
    pub(crate) loose: bool,
    /// Those that may have killed processes, and how many went while they were under way.
    pub(crate) suspected: Vec<(Position, u32)>,
}

impl Feed {
    pub(super) const fn new(
        key: Option<AggregateKey>,
        entries: Vec<ParkEntry>,
        upto: Option<Position>,
    ) -> Self {
        Self { key, entries, upto, loose: false, suspected: Vec::new() }
    }
}

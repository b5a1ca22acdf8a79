//! What the table says to what it is told.

use laneway_domain::Monotonic;

use super::lane::{LaneId, Ticket};

/// What became of an event that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It is the head of a new lane, and ready.
    Ready(LaneId),
    /// It waits behind others of its aggregate.
    Queued(LaneId),
    /// It waits, and with it the lane's queue has reached its capacity.
    Filled(LaneId),
    /// Its aggregate is parked: it was not queued.
    Parked(LaneId),
}

/// What may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The event at the head of this lane, which is closed until the event's time in it ends; its tokens are taken.
    Head(LaneId, Ticket),
    /// Nothing before `until`, or before another lane is ready.
    Idle {
        /// When there may be a token for what is ready; never where nothing waits for one.
        until: Monotonic,
    },
}

/// What the end of a head's time in its lane did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The lane had no more work and is gone.
    Gone,
    /// The next event is the head now, and ready.
    Ready,
    /// The same, and the lane's queue is no longer full.
    Relieved,
    /// The lane is no longer there: the command came too late.
    Late,
}

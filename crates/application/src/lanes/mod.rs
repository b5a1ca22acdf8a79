//! Lanes: the queue of one aggregate inside one worker.
//!
//! A lane exists while it has work and is gone when it has none, so idle aggregates cost nothing. It decides what may
//! start; it never waits, and knows nothing of handlers, brokers or time but what it is told.

mod answers;
mod ask;
mod census;
mod forget;
mod head;
mod lane;
mod park;
mod queue;
mod table;
mod timers;

pub use answers::{Admitted, Opened, Start};
pub use census::Census;
pub use lane::{LaneId, Phase, Ticket};
pub use table::Lanes;

//! What the job keeps: pure tables that events are applied to.

mod aircraft;
mod books;
mod fleet;
mod shards;
mod traffic;

pub(crate) use books::Books;
pub(crate) use fleet::{Fleet, SplitAircraft};
pub(crate) use shards::Shards;
pub(crate) use traffic::{Hour, Traffic};

/// From how many minutes on a flight counts as late, as the Bureau of Transportation Statistics counts.
pub(crate) const LATE: i32 = 15;

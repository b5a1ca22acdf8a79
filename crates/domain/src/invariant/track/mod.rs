//! What several predicates need to know of a history.

mod aggregates;
mod audience;
mod gaps;
mod log;
mod runs;
mod settled;
mod shelf;
mod tenures;

pub(super) use aggregates::Aggregates;
pub(super) use audience::Audience;
pub(super) use gaps::Gaps;
pub(super) use log::Log;
pub(super) use runs::Runs;
pub(super) use settled::Settled;
pub(super) use shelf::Shelf;
pub(super) use tenures::{Tenure, Tenures};

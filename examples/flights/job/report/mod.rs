//! What the job prints.

mod chart;
mod facts;
mod number;
mod summary;
mod table;
mod tables;

pub(crate) use facts::facts;
pub(crate) use number::{grouped, rounded};
pub(crate) use summary::Summary;
pub(crate) use tables::Tables;

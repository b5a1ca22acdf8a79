//! Reading the table of flights: from a file to typed rows, one at a time.

mod cells;
mod fault;
mod reader;
mod row;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use fault::RowError;
#[cfg(test)]
pub(crate) use fault::RowFault;
pub(crate) use row::{Flight, Landing, Row};
pub(crate) use source::{Source, SourceError};

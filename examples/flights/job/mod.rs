//! The parts of the job, from the file to the report; `main.rs` puts them together, and `tests/flights.rs` tests them.

pub(crate) mod arguments;
pub(crate) mod calendar;
pub(crate) mod chance;
pub(crate) mod chaos;
pub(crate) mod code;
pub(crate) mod events;
pub(crate) mod input;
pub(crate) mod oracle;
pub(crate) mod order;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod state;
pub(crate) mod stopwatch;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod timeline;

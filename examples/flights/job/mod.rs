//! The parts of the job, from the file to the report; `main.rs` puts them together, and tests include them as they are.

pub(crate) mod arguments;
pub(crate) mod calendar;
pub(crate) mod chaos;
pub(crate) mod code;
pub(crate) mod events;
pub(crate) mod input;
pub(crate) mod oracle;
pub(crate) mod order;
pub(crate) mod progress;
pub(crate) mod rehearsal;
pub(crate) mod report;
pub(crate) mod rows;
pub(crate) mod state;
pub(crate) mod stopwatch;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod timeline;

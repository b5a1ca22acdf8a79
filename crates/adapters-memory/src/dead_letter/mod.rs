//! Dead letters in memory, and what waits behind them.

mod books;
mod bounds;
mod desk;
mod parking;
mod queue;
mod shelf;

pub use queue::MemoryDeadLetters;

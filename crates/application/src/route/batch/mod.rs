//! Handling several events at once: a handler that gathers what the engine gives it one by one.
//!
//! The engine knows nothing of batches. [`Batches`] is a [`Handler`](laneway_domain::Handler) whose future joins the batch
//! that gathers now and waits for its answer; one of the waiting futures, the leader, polls the timer and then the user's
//! code, and hands that over when it is dropped. So there is no task beside the worker, and what the last future leaves
//! is gone with it.
//!
//! A lane runs one event of an aggregate at a time, so a batch holds at most one event of each aggregate, by
//! construction; the order within an aggregate is that of its batches.

mod gather;
mod handler;
mod options;
mod outcome;
mod subscribe;
mod table;

pub use gather::Batches;
pub use handler::{BatchFn, BatchHandler, EventBatch, Member, batch_fn};
pub use options::BatchOptions;
pub use outcome::{BatchFailed, BatchFault, BatchOutcome};

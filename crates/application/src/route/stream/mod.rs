//! Taking events from a stream, with an explicit answer for each.
//!
//! The engine sees a [`Handler`](laneway_domain::Handler) whose future hands its event over and waits for the answer, so
//! order, retries, dead letters and commits are those of every other handler.

mod delivery;
mod events;
mod handler;
mod subscribe;

pub use delivery::{Delivery, Stale, Unanswered};
pub use events::EventStream;
pub use handler::{StreamClosed, StreamHandler, stream};

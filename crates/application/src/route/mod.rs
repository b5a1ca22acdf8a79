//! Where an event goes: which aggregate it belongs to, whether it takes a lane, how long it may take; and the styles in
//! which handlers take events: one by one, in batches, as a stream.

mod aggregate;
mod batch;
mod stream;

pub use aggregate::{Routable, Routed, Router};
pub use batch::{
    BatchFailed, BatchFault, BatchFn, BatchHandler, BatchOptions, BatchOutcome, Batches, EventBatch, Member,
    batch_fn,
};
pub use stream::{Delivery, EventStream, Stale, StreamClosed, StreamHandler, Unanswered, stream};

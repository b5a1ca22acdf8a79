//! Where an event goes: which aggregate it belongs to, whether it takes a lane, how long it may take; which of a
//! subscription's functions handle it, with which arguments; and the styles in which handlers take events: one by one, in
//! batches, as a stream.

mod aggregate;
mod arguments;
mod batch;
mod events;
mod mode;
mod stream;
mod typed;
mod upcast;

pub use aggregate::{Routable, Routed, Router};
pub use arguments::{Argument, ArgumentError, ArgumentFault, Attempt, EventHandler, Given, State, Typed};
pub use batch::{
    BatchFailed, BatchFault, BatchFn, BatchHandler, BatchOptions, BatchOutcome, Batches, EventBatch, Member,
    batch_fn,
};
pub use events::{EventRouter, EventRouterBuilder, EventRouterError, HandlersFailed, RouteError, Unknown};
pub use mode::OrderingMode;
pub use stream::{Delivery, EventStream, Stale, StreamClosed, StreamHandler, Unanswered, stream};
pub use typed::{TypedHandler, typed, typed_with};
pub use upcast::{ChainError, UpcastError, Upcasters, UpcastersBuilder};

//! What stands around a handler, and around publishing: each layer is a [`Handler`](laneway_domain::Handler) around a
//! handler, so they stack in any order.

mod idempotent;
mod loop_guard;
mod tally;
mod tower;
mod under_way;

pub use idempotent::{Idempotent, IdempotentOptions, KeyedBy, OutOfSequence, Unexpected};
pub use loop_guard::{LoopGuard, TooManyHops};
pub use tally::{Tally, TallyCounts};
pub use tower::{HandlerService, Handling, HandlingError, PublishService, ServiceHandler, layered};

//! The edges to `tower`: its layers around a handler, and around publishing.
//!
//! Order holds under any layer: an event's lane stays closed until the answer is there, and a service that is not ready
//! makes its event wait, in its own lane and within its processing time.

mod around;
mod handling;
mod publish;

pub use around::{ServiceHandler, layered};
pub use handling::{HandlerService, Handling, HandlingError};
pub use publish::PublishService;

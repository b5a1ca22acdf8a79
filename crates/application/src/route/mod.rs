//! Where an event goes: which aggregate it belongs to, whether it takes a lane, how long it may take; and which of a
//! subscription's functions handle it, with which arguments.

mod aggregate;
mod arguments;
mod events;
mod typed;
mod upcast;

pub use aggregate::{Routable, Routed, Router};
pub use arguments::{Argument, ArgumentError, ArgumentFault, Attempt, Delivery, EventHandler, State, Typed};
pub use events::{EventRouter, EventRouterBuilder, EventRouterError, HandlersFailed, RouteError, Unknown};
pub use typed::{TypedHandler, typed, typed_with};
pub use upcast::{ChainError, UpcastError, Upcasters, UpcastersBuilder};

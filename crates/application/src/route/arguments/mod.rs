//! Arguments of event handlers: each is taken out of the given by its type.

mod argument;
mod error;
mod event_handler;
mod fields;
mod given;
mod state;
mod typed;

pub use argument::Argument;
pub use error::{ArgumentError, ArgumentFault};
pub use event_handler::EventHandler;
pub(crate) use event_handler::{at_least_one_payload, at_most_one_payload};
pub use fields::Attempt;
pub use given::Given;
pub use state::State;
pub use typed::Typed;

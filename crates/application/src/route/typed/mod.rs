//! One typed handler for a subscription.

mod handler;

pub use handler::{TypedHandler, typed, typed_with};

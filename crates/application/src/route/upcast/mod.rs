//! Upcasters: how the payload of an older version becomes that of the next.

mod builder;
mod chain;
mod error;
mod step;
mod upcasters;

pub use builder::UpcastersBuilder;
pub use error::{ChainError, UpcastError};
pub(crate) use step::Step;
pub use upcasters::Upcasters;

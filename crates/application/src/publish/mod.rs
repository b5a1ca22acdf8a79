//! The path down: stamp, check, hand over, answer per event.

mod check;
pub(crate) mod hops;
mod path;
mod receipt;
mod stamp;

pub use hops::HOPS_HEADER;
pub use path::PublishPath;
pub use receipt::Receipt;

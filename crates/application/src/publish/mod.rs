//! The path down: stamp, check, hand over, answer per event.

mod check;
mod path;
mod receipt;
mod stamp;

pub use path::PublishPath;
pub use receipt::Receipt;

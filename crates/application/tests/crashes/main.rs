//! Processes that crash over one memory broker: the event that kills them is found, and nobody else is blamed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alone;
mod hanging;
mod process;
mod returned;
mod rows;
mod settings;
mod shared;
mod spy;

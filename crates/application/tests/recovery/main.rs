//! Recovery of a subscription on the memory broker, on virtual time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callbacks;
mod concurrency;
mod order;
mod priority;
mod refusals;
mod switches;
mod world;

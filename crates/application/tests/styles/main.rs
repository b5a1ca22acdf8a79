//! The styles of handlers and the layers around them, each on a whole bus over the memory broker, on virtual time.

#![allow(clippy::unwrap_used)]

mod batches;
mod idempotent;
mod loop_guard;
mod scene;
mod streams;
mod tower_layers;

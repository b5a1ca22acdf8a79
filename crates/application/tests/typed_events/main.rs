//! Typed events, upcasters and the event router, on a real bus over the memory broker.

#![allow(clippy::unwrap_used)]

mod arguments;
mod build;
mod chains;
mod router;
mod scene;
mod several;
mod versions;

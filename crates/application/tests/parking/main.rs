//! Parking and redrive, on the memory broker and the virtual clock.

#![allow(clippy::unwrap_used)]

mod alone;
mod burial;
mod faults;
mod flow;
mod handlers;
mod rejected;
mod store;
mod world;

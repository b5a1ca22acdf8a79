//! Where an event goes: which aggregate it belongs to, whether it takes a lane, how long it may take.

mod aggregate;

pub use aggregate::{Routable, Routed, Router};

//! Rates and turns: what a subscription starts, and when, on virtual time.

#![allow(clippy::unwrap_used)]

mod attempts;
mod limits;
mod turns;
mod world;

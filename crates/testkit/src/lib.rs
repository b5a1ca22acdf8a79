//! The test kit of Laneway: what watches a bus, judges what was seen, and owns the time.
//!
//! Wrap the ports of a bus in the recording ones of [`history`], run it on a [`SimClock`], and ask [`checkers`] whether
//! the invariants of [`laneway_domain::invariant`] hold. What users test their own services with is [`testing`].

pub mod around;
pub mod checkers;
mod clock;
pub mod conformance;
pub mod faults;
pub mod history;
pub mod simulation;
pub mod testing;

pub use clock::SimClock;

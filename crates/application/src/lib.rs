//! The publish path, the consume loop, and the structs that decide.
//!
//! An event goes through [`publish`] down to a broker, comes up through [`consume`], stands in a lane ([`lanes`]) until it
//! is handled, and leaves the [`ledger`] when it is finished. What to do when something fails is a [`policy`]; where an
//! event belongs is its [`route`]. How far groups are behind is watched by [`backlog`], and worked off by [`recovery`].

pub mod backlog;
mod bus;
mod calls;
mod clock;
pub mod consume;
mod dead_letter;
mod guard;
pub mod lanes;
pub mod layers;
pub mod ledger;
mod parking;
pub mod policy;
pub mod publish;
pub mod recovery;
pub mod route;
pub mod sabotage;
mod varint;

pub use bus::Bus;
pub use clock::SystemClock;

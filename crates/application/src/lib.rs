//! The publish path, the consume loop, and the structs that decide.
//!
//! An event goes through [`publish`] down to a broker, comes up through [`consume`], stands in a lane ([`lanes`]) until it
//! is handled, and leaves the [`ledger`] when it is finished. What to do when something fails is a [`policy`]; where an
//! event belongs is its [`route`].

mod bus;
mod clock;
pub mod consume;
mod dead_letter;
mod guard;
pub mod lanes;
pub mod layers;
pub mod ledger;
pub mod policy;
pub mod publish;
pub mod route;
pub mod sabotage;
mod timer;

pub use bus::Bus;
pub use clock::SystemClock;

//! What users test their own services with.
//!
//! [`Given`] runs one handler with no broker: what it was given before, what comes, what it answers and publishes.
//! [`TestBus`] runs a whole service: a bus on an adapter, a virtual clock, dead letters that a test looks at and redrives,
//! and faults from a seed. [`each_seed`] runs a test under many of them.
//!
//! Nothing here sleeps: on a paused runtime (`#[tokio::test(start_paused = true)]`) an hour takes no time.
//!
//! | word | what it is here |
//! |---|---|
//! | [`Given`] | a handler, and what it has handled so far |
//! | [`Then`] | what one attempt came to |
//! | [`TestBus`] | a bus whose user sees what it does |
//! | quiet | nothing runs, nothing waits for its time, everything is committed |
//! | [`UnderWay`] | something that keeps a bus from being quiet |

mod bus;
mod difference;
mod given;
mod outbox;
mod quiet;
mod redrive;
mod seeds;
mod then;
mod witness;

#[cfg(test)]
mod given_tests;

pub use bus::TestBus;
pub use given::Given;
pub use quiet::{NotQuiet, UnderWay};
pub use redrive::RedriveError;
pub use seeds::each_seed;
pub use then::{Outcome, Then};
pub use witness::{Ended, Handling};

//! A broker that misbehaves, from a seed: any adapter's ports, wrapped.
//!
//! [`FaultPlan`] says what goes wrong and how often; [`Faults`] draws from its seed, in the order of calls, so one thread
//! and one seed make one history. The wrappers keep the contracts of their ports: they do what a broker, a network or a
//! process may do, and nothing else, with one exception that is asked for by name, [`Fault::BatchAgain`]. Time comes
//! through the clock port.
//!
//! Beside what chance decides stand faults by hand: a [`Wire`] that is cut and mended, [`Padding`] that no reader gets,
//! and a [`Filter`] for whatever else is to be changed between a broker and its user.
//!
//! ```
//! use laneway_testkit::SimClock;
//! use laneway_testkit::faults::{Crash, Fault, FaultPlan, Faults};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Vec<laneway_domain::Invalid>> {
//! let plan = FaultPlan::quiet(42)
//!     .with(Fault::PublishAnswerLost, 0.05)
//!     .at(Fault::Crash(Crash::BeforeCommit), 3);
//! let faults = Faults::new(plan, SimClock::shared())?;
//! assert_eq!(faults.struck(Fault::PublishAnswerLost), 0);
//! faults.calm();
//! # Ok(())
//! # }
//! ```

mod dead_letters;
mod dice;
mod fault;
mod fence;
mod filter;
mod held;
mod padding;
mod plan;
mod publisher;
mod session;
mod subscriber;
mod wire;

#[cfg(test)]
mod tests;

pub use dead_letters::{FaultyDeadLetters, LetterFaults};
pub use dice::Faults;
pub use fault::{Crash, Fault};
pub use filter::{Filter, FilteredSubscriber};
pub use padding::Padding;
pub use plan::FaultPlan;
pub use publisher::FaultyPublisher;
pub use session::FaultySession;
pub use subscriber::FaultySubscriber;
pub use wire::{Wire, Wired};

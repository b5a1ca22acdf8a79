//! One suite that every adapter passes.
//!
//! An adapter's crate implements [`Factory`] and writes one line; each scenario becomes a test of its own:
//!
//! ```text
//! laneway_testkit::conformance_tests!(MyBroker::default(), skipped = 0);
//! ```
//!
//! A scenario that needs what the adapter's [`Capabilities`] lack is skipped, says so on standard error whatever the
//! test runner captures, and counts: where more or fewer are skipped than the line above says, the suite fails.
//!
//! | word | what it is here |
//! |---|---|
//! | [`Factory`] | makes instances of an adapter, each alone with its topics |
//! | [`Adapter`] | such an instance: its ports, and controls for what a broker does on request only |
//! | [`Needs`] | what a scenario asks of an instance |
//! | [`Feature`] | what a scenario asks of the adapter's capabilities |
//! | [`Scenario`] | a sentence, and the code that sees whether it is true |
//! | `World` | an instance and the buses on it |
//! | `Journal` | what handlers saw, written down by themselves |

mod adapter;
mod factory;
mod feature;
mod journal;
mod lab;
mod latch;
mod letters;
mod member;
mod permits;
mod process;
mod record;
mod run;
mod said;
mod scenario;
mod scenarios;
mod shelf;
mod stalled;
mod table;
mod verdicts;
mod watched;
mod world;

pub use adapter::{Adapter, Control, Controls, Needs, WhenFull};
pub use factory::{Capabilities, Factory};
pub use feature::Feature;
pub use lab::Lab;
pub use run::{expect_skipped, test};
pub use scenario::{Scenario, Verdict};
pub use table::scenarios;

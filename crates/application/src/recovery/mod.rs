//! Working off a backlog: when, with how many handlers, and until when.
//!
//! A subscription with [`RecoveryOptions`] has a driver beside its loop: it asks the broker for the group's lag, and the [`Recovery`] decides
//! on the mode. While recovering more handlers may run ([`Concurrency`]) and more is fetched, subscriptions of low [`Priority`] on the same
//! bus pause, and [`DrainEta`] says how long it takes. Without the options nothing of this exists.

mod callbacks;
mod concurrency;
mod driver;
mod eta;
mod gauges;
mod machine;
mod options;
mod precedence;
mod priority;
mod yielding;

pub(crate) use callbacks::counts;
pub use callbacks::{RecoveryCallbacks, RecoveryNews};
pub use concurrency::{Concurrency, ConcurrencyPolicy, Latencies};
pub(crate) use driver::{Driver, Wish};
pub use eta::DrainEta;
pub(crate) use gauges::Gauges;
pub use gauges::RecoveryStats;
pub use laneway_domain::invariant::RecoveryMode;
pub use machine::{BacklogSample, Recovery, RecoveryPolicy, SwitchRefused, Transition};
pub use options::RecoveryOptions;
pub(crate) use precedence::Precedence;
pub use priority::{PausePolicy, Priority};
pub(crate) use yielding::give_way;

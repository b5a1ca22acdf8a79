//! Working off a backlog: when, with how many handlers, and until when.

mod concurrency;
mod eta;
mod machine;

pub use concurrency::{Concurrency, ConcurrencyPolicy, Latencies};
pub use eta::DrainEta;
pub use laneway_domain::invariant::RecoveryMode;
pub use machine::{BacklogSample, Recovery, RecoveryPolicy, SwitchRefused, Transition};

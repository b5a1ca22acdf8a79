//! The consume side: a loop that waits, workers that handle, and what they say to each other.

mod assign;
mod attempt;
mod bell;
mod blocking;
mod breaker;
mod crew;
mod deliver;
mod drains;
mod end;
mod fail;
mod gate;
mod health;
mod hooks;
mod link;
mod r#loop;
pub(crate) mod message;
mod options;
pub(crate) mod origin;
mod park;
mod parking;
mod permits;
mod run;
mod seats;
mod settle;
mod shared;
mod stats;
mod subscription;
mod trouble;
mod withdraw;
mod worker;

pub use blocking::{Blocking, blocking};
pub use health::{RunPhase, SubscriptionHealth};
pub use hooks::{FailedAttempt, Hooks, MissingRange};
pub use options::{ConfigError, SubscriptionOptions};
pub use stats::{LaneDetail, LaneStats, SubscriptionStats};
pub use subscription::{Ground, Subscription, SubscriptionError, subscribe};

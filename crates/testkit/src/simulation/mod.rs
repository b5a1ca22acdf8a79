//! The whole engine under a seed: buses, workers, lanes, ledgers and policies on any adapter, on virtual time.
//!
//! A [`Scenario`] is drawn from a seed: how many partitions, groups, members and events, how handlers behave, what goes
//! wrong, and who joins, leaves and crashes when. [`simulate`] runs it on one thread and a paused clock until everything
//! is quiet, and has the history judged by the invariants. One seed makes one history.
//!
//! The path of a run: `scenario` draws, `stage` sets up what all share, `member` is one bus that may crash (`life`,
//! `mortal`, `shelf`), `producer` publishes, `work` handles as its `behaviour` says, `roster` plays the `script`, `run` waits
//! until nothing happens any more, `verdict` judges. `pace` measures on the same clock how fast the healthy are beside
//! those that fail.

mod behaviour;
mod chance;
mod failure;
mod flow;
mod group;
mod life;
mod member;
mod modes;
mod monitor;
mod mortal;
mod operator;
mod pace;
mod producer;
mod roster;
mod run;
mod scenario;
mod script;
mod shelf;
mod shrink;
mod stage;
mod traffic;
mod verdict;
mod work;

pub use behaviour::{Behaviour, Ending, Temper};
pub use failure::{Failure, Summary};
pub use group::GroupPlan;
pub use modes::ModePlan;
pub use pace::rates;
pub use run::{replay, simulate, simulate_scenario};
pub use scenario::Scenario;
pub use script::{Action, Errand, Step};
pub use shrink::shrink;
pub use traffic::EventPlan;

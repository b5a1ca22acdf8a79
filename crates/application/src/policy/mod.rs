//! Policies: pure structs that take a state, an input and the time, and say what to do.

mod breaker;
mod chain;
mod classify;
mod commit;
mod credit;
mod fairness;
mod line;
mod marks;
mod outcomes;
mod probation;
mod quotas;
mod rate;
mod retry;
mod roll_call;
mod solo;
mod tenants;
mod turns;
mod version_window;

pub use breaker::{Breaker, BreakerPolicy, BreakerState, Probe};
pub use chain::Links;
pub use classify::{Classifier, Failure, FailureKind};
pub use commit::{CommitPolicy, Commits};
pub use credit::{Credit, CreditLimits};
pub use fairness::{Fairness, Pick};
pub use marks::{Mark, Marks, Named};
pub use probation::{Probation, ProbationAction, ProbationInput, ProbationPolicy};
pub use quotas::{FlowLimits, Quotas};
pub use rate::{RateCell, RateLimit};
pub use retry::{Next, RetryPolicy};
pub use roll_call::{RollAction, RollCall};
pub use solo::Solo;
pub use tenants::TenantSlot;
pub use version_window::VersionWindow;

//! Policies: pure structs that take a state, an input and the time, and say what to do.

mod classify;
mod commit;
mod credit;
mod retry;
mod version_window;

pub use classify::{Classifier, Failure, FailureKind};
pub use commit::{CommitPolicy, Commits};
pub use credit::{Credit, CreditLimits};
pub use retry::{Next, RetryPolicy};
pub use version_window::VersionWindow;

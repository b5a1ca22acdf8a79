//! Who is told about a backlog.

use std::sync::Arc;

use super::consumer::BacklogReport;
use crate::calls::{CallbackOutcome, Calls};

/// What callbacks are called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Check,
    Backlog,
    Clear,
}

/// Callbacks of a monitor. Each call is a task of its own and has a time limit: one that hangs, fails or panics is cut off, counted
/// and logged, and stops nobody. Calls of one callback never overlap.
///
/// A callback that blocks its thread cannot be cut off; on a runtime with several threads the monitor goes on all the same, and its next
/// call may then overlap with the blocked one.
///
/// ```
/// use laneway_application::backlog::BacklogCallbacks;
/// let callbacks = BacklogCallbacks::new().on_backlog(|report| async move {
///     println!("behind in {:?}", report.affected_topics());
/// });
/// # let _ = callbacks;
/// ```
#[derive(Debug, Clone, Default)]
pub struct BacklogCallbacks {
    pub(super) calls: Calls<Occasion, BacklogReport>,
}

impl BacklogCallbacks {
    /// No callbacks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called after every check.
    #[must_use]
    pub fn on_check<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Check, call);
        self
    }

    /// Called after every check that finds a group over a threshold.
    #[must_use]
    pub fn on_backlog<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Backlog, call);
        self
    }

    /// Called once when no group is over a threshold any more.
    #[must_use]
    pub fn on_clear<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Clear, call);
        self
    }
}

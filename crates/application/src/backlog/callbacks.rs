//! Who is told about a backlog, and what becomes of a callback that does not come back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use laneway_domain::{BoxFuture, Cause, Clock};
use tokio::task::JoinHandle;

use super::consumer::BacklogReport;

type Callback = Arc<dyn Fn(Arc<BacklogReport>) -> BoxFuture<Result<(), Cause>> + Send + Sync>;

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
///     Ok::<(), std::io::Error>(())
/// });
/// # let _ = callbacks;
/// ```
#[derive(Clone, Default)]
pub struct BacklogCallbacks {
    calls: Vec<(Occasion, Callback)>,
}

/// How calls of callbacks ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallbackCounts {
    /// Calls.
    pub called: u64,
    /// Those that returned an error.
    pub failed: u64,
    /// Those that panicked.
    pub panicked: u64,
    /// Those that took longer than they may.
    pub cut_off: u64,
}

impl BacklogCallbacks {
    /// No callbacks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called after every check.
    #[must_use]
    pub fn on_check<F, T, E>(self, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Cause> + 'static,
    {
        self.with(Occasion::Check, call)
    }

    /// Called after every check that finds a group over a threshold.
    #[must_use]
    pub fn on_backlog<F, T, E>(self, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Cause> + 'static,
    {
        self.with(Occasion::Backlog, call)
    }

    /// Called once when no group is over a threshold any more.
    #[must_use]
    pub fn on_clear<F, T, E>(self, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Cause> + 'static,
    {
        self.with(Occasion::Clear, call)
    }

    fn with<F, T, E>(mut self, occasion: Occasion, call: F) -> Self
    where
        F: Fn(Arc<BacklogReport>) -> T + Send + Sync + 'static,
        T: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Cause> + 'static,
    {
        let call = move |report| -> BoxFuture<Result<(), Cause>> {
            let answer = call(report);
            Box::pin(async move { answer.await.map_err(Into::into) })
        };
        self.calls.push((occasion, Arc::new(call)));
        self
    }

    /// Calls whoever waits for one of these occasions, all at once, and waits for them as long as they may take.
    pub(super) async fn tell(
        &self,
        occasions: &[Occasion],
        report: &Arc<BacklogReport>,
        clock: &dyn Clock,
        limit: Duration,
        counters: &Counters,
    ) {
        let until = clock.monotonic() + limit;
        let due = self.calls.iter().filter(|(occasion, _)| occasions.contains(occasion));
        let calls: Vec<_> = due.map(|(occasion, call)| (*occasion, Call::begin(call, report))).collect();
        join_all(calls.into_iter().map(async |(occasion, call)| {
            let ended = call.end(clock.wake_at(until)).await;
            counters.count(&ended);
            if let Err(trouble) = ended {
                tracing::error!(?occasion, %trouble, "a backlog callback did not end well");
            }
        }))
        .await;
    }
}

/// A call under way; ends with its owner.
struct Call(JoinHandle<Result<(), Cause>>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Call {
    fn begin(call: &Callback, report: &Arc<BacklogReport>) -> Self {
        let (call, report) = (call.clone(), report.clone());
        // Also what runs before the first await belongs to the call.
        Self(tokio::spawn(async move { call(report).await }))
    }

    async fn end(mut self, over: BoxFuture<()>) -> Result<(), Trouble> {
        match select(&mut self.0, over).await {
            Either::Left((Ok(result), _)) => result.map_err(Trouble::Failed),
            Either::Left((Err(join), _)) => Err(Trouble::Panicked(join.to_string())),
            Either::Right(_) => Err(Trouble::CutOff),
        }
    }
}

/// Why a call did not end well.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("it failed: {0}")]
    Failed(Cause),
    #[error("it panicked: {0}")]
    Panicked(String),
    #[error("it took too long")]
    CutOff,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    called: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    cut_off: AtomicU64,
}

impl Counters {
    fn count(&self, ended: &Result<(), Trouble>) {
        self.called.fetch_add(1, Ordering::Relaxed);
        let trouble = match ended {
            Ok(()) => return,
            Err(Trouble::Failed(_)) => &self.failed,
            Err(Trouble::Panicked(_)) => &self.panicked,
            Err(Trouble::CutOff) => &self.cut_off,
        };
        trouble.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> CallbackCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CallbackCounts {
            called: count(&self.called),
            failed: count(&self.failed),
            panicked: count(&self.panicked),
            cut_off: count(&self.cut_off),
        }
    }
}

impl fmt::Debug for BacklogCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.calls.iter().map(|(occasion, _)| occasion)).finish()
    }
}

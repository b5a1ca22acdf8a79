//! Callbacks of users that may take their time, and what becomes of one that does not come back.
//!
//! Each call is a task of its own with a time limit: one that hangs, fails or panics is cut off, counted and logged, and stops nobody.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use laneway_domain::{BoxFuture, Cause, Clock};
use thiserror::Error;
use tokio::task::JoinHandle;

/// What a callback's future comes to: nothing, or a result whose error is counted and logged.
pub trait CallbackOutcome {
    /// The same, as a result.
    ///
    /// # Errors
    /// What went wrong in the callback.
    fn into_result(self) -> Result<(), Cause>;
}

impl CallbackOutcome for () {
    fn into_result(self) -> Result<(), Cause> {
        Ok(())
    }
}

impl<E: Into<Cause>> CallbackOutcome for Result<(), E> {
    fn into_result(self) -> Result<(), Cause> {
        self.map_err(Into::into)
    }
}

type Call<N> = Arc<dyn Fn(Arc<N>) -> BoxFuture<Result<(), Cause>> + Send + Sync>;

/// Callbacks that are told news of type `N` on occasions of type `O`.
pub(crate) struct Calls<O, N>(Vec<(O, Call<N>)>);

impl<O: PartialEq + Copy + Debug, N: Send + Sync + 'static> Calls<O, N> {
    /// Adds a callback.
    pub(crate) fn add<F, T>(&mut self, occasion: O, call: F)
    where
        F: Fn(Arc<N>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        let call = move |news| -> BoxFuture<Result<(), Cause>> {
            let answer = call(news);
            Box::pin(async move { answer.await.into_result() })
        };
        self.0.push((occasion, Arc::new(call)));
    }

    /// Calls whoever waits for one of these occasions, all at once, and waits for them as long as they may take.
    ///
    /// Cancel safe: dropping the future ends the calls.
    pub(crate) async fn tell(
        &self,
        occasions: &[O],
        news: &Arc<N>,
        clock: &dyn Clock,
        limit: Duration,
        counters: &Counters,
    ) {
        let until = clock.monotonic() + limit;
        let due = self.0.iter().filter(|(occasion, _)| occasions.contains(occasion));
        let calls: Vec<_> = due.map(|(occasion, call)| (*occasion, Running::begin(call, news))).collect();
        join_all(calls.into_iter().map(async |(occasion, call)| {
            let ended = call.end(clock.wake_at(until)).await;
            counters.count(&ended);
            if let Err(trouble) = ended {
                tracing::error!(?occasion, %trouble, "a callback did not end well");
            }
        }))
        .await;
    }
}

/// A call under way; ends with its owner.
struct Running(JoinHandle<Result<(), Cause>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Running {
    fn begin<N: Send + Sync + 'static>(call: &Call<N>, news: &Arc<N>) -> Self {
        let (call, news) = (call.clone(), news.clone());
        // Also what runs before the first await belongs to the call.
        Self(tokio::spawn(async move { call(news).await }))
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
#[derive(Debug, Error)]
enum Trouble {
    #[error("it failed: {0}")]
    Failed(Cause),
    #[error("it panicked: {0}")]
    Panicked(String),
    #[error("it took too long")]
    CutOff,
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

/// Counts how calls end.
#[derive(Debug, Default)]
pub(crate) struct Counters {
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

    pub(crate) fn counts(&self) -> CallbackCounts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CallbackCounts {
            called: count(&self.called),
            failed: count(&self.failed),
            panicked: count(&self.panicked),
            cut_off: count(&self.cut_off),
        }
    }
}

impl<O, N> Default for Calls<O, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<O: Clone, N> Clone for Calls<O, N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<O: Debug, N> Debug for Calls<O, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(occasion, _)| occasion)).finish()
    }
}

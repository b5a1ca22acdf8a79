//! Who is told about a recovery.

use std::sync::Arc;
use std::time::Duration;

use laneway_domain::invariant::RecoveryMode;
use laneway_domain::{Clock, GroupId, Timestamp};
use tokio::sync::mpsc;

use super::machine::{BacklogSample, Transition};
use crate::calls::{CallbackCounts, CallbackOutcome, Calls, Counters};

/// What callbacks are told.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveryNews {
    /// When.
    pub at: Timestamp,
    /// The group.
    pub group: GroupId,
    /// The mode.
    pub mode: RecoveryMode,
    /// The switch that it comes from; none where only time went by.
    pub switched: Option<Transition>,
    /// The backlog, as the last check found it.
    pub backlog: Option<BacklogSample>,
    /// Events a second by which it shrinks, live ones included; negative where it grows.
    pub rate: Option<f64>,
    /// How long it takes until nothing is behind; none where that cannot be told, or never comes.
    pub eta: Option<Duration>,
    /// How many handlers may run at once.
    pub concurrency: usize,
}

/// What callbacks are called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    Switch,
    Enter,
    Leave,
    Progress,
}

impl Occasion {
    fn of(news: &RecoveryNews) -> &'static [Self] {
        match news.switched.map(|switched| switched.to) {
            None => &[Self::Progress],
            Some(RecoveryMode::Recovering) => &[Self::Switch, Self::Enter],
            Some(RecoveryMode::Draining) => &[Self::Switch],
            Some(RecoveryMode::Normal) => &[Self::Switch, Self::Leave],
        }
    }
}

/// Callbacks of a recovery. Each call is a task of its own and has a time limit: one that hangs, fails or panics is cut off, counted
/// and logged, and neither the recovery nor the consume path waits for it. Calls come in the order of what they tell.
///
/// ```
/// use laneway_application::recovery::RecoveryCallbacks;
/// let callbacks = RecoveryCallbacks::new().on_progress(|news| async move {
///     println!("{:?} behind, through in {:?}", news.backlog, news.eta);
/// });
/// # let _ = callbacks;
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecoveryCallbacks {
    calls: Calls<Occasion, RecoveryNews>,
}

impl RecoveryCallbacks {
    /// No callbacks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called at every switch of the mode.
    #[must_use]
    pub fn on_switch<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<RecoveryNews>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Switch, call);
        self
    }

    /// Called when a recovery begins.
    #[must_use]
    pub fn on_enter<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<RecoveryNews>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Enter, call);
        self
    }

    /// Called when the subscription is as it was.
    #[must_use]
    pub fn on_leave<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<RecoveryNews>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Leave, call);
        self
    }

    /// Called after every check until the subscription is as it was: with the backlog that is left, and the time.
    #[must_use]
    pub fn on_progress<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<RecoveryNews>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add(Occasion::Progress, call);
        self
    }
}

/// Takes news and tells them one after the other, so that whoever has some waits for nobody.
#[derive(Debug)]
pub(crate) struct Teller {
    news: mpsc::UnboundedSender<RecoveryNews>,
    counters: Arc<Counters>,
}

impl Teller {
    pub(crate) fn start(callbacks: RecoveryCallbacks, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        let (news, mut told) = mpsc::unbounded_channel();
        let counters = Arc::new(Counters::default());
        let counted = counters.clone();
        tokio::spawn(async move {
            while let Some(news) = told.recv().await {
                let (occasions, news) = (Occasion::of(&news), Arc::new(news));
                callbacks.calls.tell(occasions, &news, &*clock, limit, &counted).await;
            }
        });
        Self { news, counters }
    }

    pub(crate) fn tell(&self, news: RecoveryNews) {
        let RecoveryNews { group, mode, backlog, eta, concurrency, .. } = &news;
        let events = backlog.map(|backlog| backlog.events);
        let what = if news.switched.is_some() { "the recovery mode changed" } else { "recovering" };
        tracing::info!(%group, ?mode, behind = events, ?eta, concurrency, what);
        // The task ends only with its runtime.
        let _ = self.news.send(news);
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

/// How calls of a subscription's callbacks ended.
pub(crate) fn counts(counters: Option<&Arc<Counters>>) -> CallbackCounts {
    counters.map(|counters| counters.counts()).unwrap_or_default()
}

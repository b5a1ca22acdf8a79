//! The monitor: asks, compares, tells.
//!
//! A cold path of its own: it shares nothing with the consume loop but the broker's client. Its loop may be dropped at every await; nothing
//! is half done then, and calls under way end with it.

use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;
use laneway_domain::{BacklogChecker, Clock};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::callbacks::{BacklogCallbacks, Occasion};
use super::consumer::{BacklogReport, GroupBacklog};
use super::look::{Look, look};
use super::publisher::PublisherGauge;
use super::settings::{BacklogSettings, BacklogWatch};
use crate::calls::{CallbackCounts, Counters};
use crate::consume::ConfigError;

type Latest = Option<Arc<BacklogReport>>;

/// Watches how far groups are behind, until it is dropped.
pub struct BacklogMonitor {
    latest: watch::Receiver<Latest>,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

impl BacklogMonitor {
    /// Starts to watch: the first check is made at once. Call it inside a runtime.
    ///
    /// # Errors
    /// Every setting that breaks a rule, at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        checker: Arc<dyn BacklogChecker>,
        publisher: Option<PublisherGauge>,
        clock: Arc<dyn Clock>,
        settings: BacklogSettings,
        callbacks: BacklogCallbacks,
    ) -> Result<Self, ConfigError> {
        ConfigError::check(settings.faults())?;
        let (tell, latest) = watch::channel(None);
        let counters = Arc::new(Counters::default());
        let over = vec![false; settings.watch.len()];
        let counted = counters.clone();
        let patrol = Patrol { checker, publisher, clock, settings, callbacks, counters, tell, over };
        Ok(Self { latest, counters: counted, task: tokio::spawn(patrol.run()) })
    }

    /// What the last check found; nothing before the first one is through.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<BacklogReport>> {
        self.latest.borrow().clone()
    }

    /// Waits for the first check that `wanted` accepts, one that is through already included.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&BacklogReport) -> bool) -> Arc<BacklogReport> {
        let mut latest = self.latest.clone();
        let found = latest.wait_for(|latest| latest.as_ref().is_some_and(|report| wanted(report))).await;
        let found = found.ok().and_then(|found| found.clone());
        match found {
            Some(report) => report,
            // The monitor's task ends only with its runtime.
            None => std::future::pending().await,
        }
    }

    /// How calls of callbacks ended.
    #[must_use]
    pub fn callbacks(&self) -> CallbackCounts {
        self.counters.counts()
    }
}

impl Drop for BacklogMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for BacklogMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BacklogMonitor").field("latest", &self.latest()).finish_non_exhaustive()
    }
}

/// The monitor's loop.
struct Patrol {
    checker: Arc<dyn BacklogChecker>,
    publisher: Option<PublisherGauge>,
    clock: Arc<dyn Clock>,
    settings: BacklogSettings,
    callbacks: BacklogCallbacks,
    counters: Arc<Counters>,
    tell: watch::Sender<Latest>,
    /// Which groups were over a threshold at the last check.
    over: Vec<bool>,
}

impl Patrol {
    async fn run(mut self) {
        loop {
            // From the start of a check, so that slow answers do not make checks rare.
            let next = self.clock.monotonic() + self.settings.interval;
            let report = Arc::new(self.check().await);
            let occasions = self.occasions(&report);
            self.tell.send_replace(Some(report.clone()));
            let limit = self.settings.callback_limit;
            self.callbacks.calls.tell(&occasions, &report, &*self.clock, limit, &self.counters).await;
            self.clock.wake_at(next).await;
        }
    }

    async fn check(&self) -> BacklogReport {
        let groups = self.settings.watch.iter().zip(&self.over);
        let groups = join_all(groups.map(|(watch, over)| self.check_group(watch, *over))).await;
        let publisher = self.publisher.as_ref().map(|gauge| gauge());
        BacklogReport { at: self.clock.wall(), groups, publisher }
    }

    /// One group; a broker that does not answer in time, or an adapter that panics, spoils no other's check.
    async fn check_group(&self, watch: &BacklogWatch, over: bool) -> GroupBacklog {
        match look(&*self.checker, watch, &*self.clock, self.settings.check_limit).await {
            Ok(Look { rows, missing }) => {
                let (limits, now) = (self.settings.thresholds, self.clock.wall());
                GroupBacklog { missing, ..GroupBacklog::of(watch.group.clone(), &rows, limits, now) }
            }
            Err(error) => GroupBacklog::unknown(watch.group.clone(), over, error),
        }
    }

    fn occasions(&mut self, report: &BacklogReport) -> Vec<Occasion> {
        let was = self.over.contains(&true);
        self.over = report.groups.iter().map(|group| group.over).collect();
        let mut occasions = vec![Occasion::Check];
        if self.over.contains(&true) {
            occasions.push(Occasion::Backlog);
        } else if was {
            occasions.push(Occasion::Clear);
        }
        occasions
    }
}

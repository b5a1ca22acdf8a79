//! The watchdog at work: takes a snapshot every now and then, and says what it finds.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use laneway_domain::{Invalid, Monotonic, Subscriber};
use tokio::sync::{mpsc, watch};

use super::look::{Look, look};
use super::settings::BacklogWatch;
use super::watchdog::{Diagnosis, StallReason, Vitals, Watchdog, WatchdogPolicy};
use crate::calls::{CallbackOutcome, Calls, Counters};
use crate::consume::SubscriptionHealth;
use crate::consume::message::Control;
use crate::consume::shared::Shared;

/// A subscription's watchdog: when a standstill counts, how often to look, who is told.
///
/// It is a task of its own: where a runtime has one thread, it cannot look while a handler blocks that.
#[derive(Debug, Clone)]
pub struct WatchdogOptions {
    /// When a standstill counts.
    pub policy: WatchdogPolicy,
    /// How often to look. Default 1 s.
    pub interval: Duration,
    /// Who is told.
    pub callbacks: WatchdogCallbacks,
    /// How long a callback may take. Default 2 s.
    pub callback_limit: Duration,
}

/// Callbacks of a watchdog. One that hangs, fails or panics is cut off and logged, and stops nobody.
#[derive(Debug, Clone, Default)]
pub struct WatchdogCallbacks {
    calls: Calls<(), Diagnosis>,
}

impl Default for WatchdogOptions {
    fn default() -> Self {
        Self {
            policy: WatchdogPolicy::default(),
            interval: Duration::from_secs(1),
            callbacks: WatchdogCallbacks::default(),
            callback_limit: Duration::from_secs(2),
        }
    }
}

impl WatchdogCallbacks {
    /// No callbacks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Called when a standstill begins, and when something else explains it.
    #[must_use]
    pub fn on_stall<F, T>(mut self, call: F) -> Self
    where
        F: Fn(Arc<Diagnosis>) -> T + Send + Sync + 'static,
        T: Future<Output: CallbackOutcome> + Send + 'static,
    {
        self.calls.add((), call);
        self
    }
}

impl WatchdogOptions {
    /// Every rule that the options break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = self.policy.faults();
        let times = [("watchdog.interval", self.interval), ("watchdog.callback_limit", self.callback_limit)];
        let wrong =
            times.into_iter().filter(|(_, time)| time.is_zero() || *time > Duration::from_secs(3_600));
        let said =
            |(field, time)| Invalid::new(field, "is longer than 0 and at most 1h", format!("{time:?}"));
        faults.extend(wrong.map(said));
        faults
    }
}

/// Looks until the loop is gone.
pub(crate) struct Sentry {
    options: WatchdogOptions,
    shared: Arc<Shared>,
    health: watch::Receiver<SubscriptionHealth>,
    lag: (Arc<dyn Subscriber>, BacklogWatch),
    control: mpsc::UnboundedSender<Control>,
    watchdog: Watchdog,
    counters: Counters,
    behind: Option<u64>,
    next_lag: Monotonic,
    /// What was said of the standstill.
    said: Vec<Discriminant<StallReason>>,
}

impl Sentry {
    pub(crate) fn new(
        options: WatchdogOptions,
        shared: &Arc<Shared>,
        health: watch::Receiver<SubscriptionHealth>,
        lag: (Arc<dyn Subscriber>, BacklogWatch),
        control: mpsc::UnboundedSender<Control>,
    ) -> Self {
        let (shared, now) = (shared.clone(), shared.clock.monotonic());
        let (watchdog, counters) = (Watchdog::new(options.policy, now), Counters::default());
        let (behind, next_lag, said) = (None, now, Vec::new());
        Self { options, shared, health, lag, control, watchdog, counters, behind, next_lag, said }
    }

    pub(crate) async fn run(mut self) {
        while !self.control.is_closed() {
            let next = self.shared.clock.monotonic() + self.options.interval;
            let vitals = self.vitals().await;
            let diagnosis = self.watchdog.observe(&vitals, self.shared.clock.monotonic());
            self.tell(diagnosis).await;
            self.shared.clock.wake_at(next).await;
        }
    }

    async fn vitals(&mut self) -> Vitals {
        let mut vitals = self.shared.vitals(&self.health.borrow());
        if vitals.open == 0 && vitals.behind.is_none() {
            self.ask().await;
            vitals.behind = self.behind;
        }
        vitals
    }

    /// Asks the broker what waits there, a few times within the patience.
    async fn ask(&mut self) {
        let (now, (subscriber, watch)) = (self.shared.clock.monotonic(), &self.lag);
        if let Some(lag) = subscriber.lag().filter(|_| self.next_lag <= now) {
            self.next_lag = now + self.options.policy.patience / 4;
            let found = look(lag, watch, &*self.shared.clock, self.options.interval).await;
            self.behind = found.ok().map(|Look { rows, .. }| rows.iter().map(|row| row.events).sum());
        }
    }

    /// Says what is new: a standstill, another reason for it, its end.
    async fn tell(&mut self, diagnosis: Option<Diagnosis>) {
        let reasons = diagnosis.iter().flat_map(|diagnosis| &diagnosis.reasons).map(discriminant).collect();
        let before = std::mem::replace(&mut self.said, reasons);
        if before == self.said {
            return;
        }
        let group = &self.shared.group;
        let stalled = diagnosis.as_ref().map(Diagnosis::sentence);
        // A loop that has gone stalls no more.
        let _ = self.control.send(Control::Stalled(stalled));
        let Some(diagnosis) = diagnosis else {
            tracing::info!(%group, "the subscription goes on");
            return;
        };
        if before.is_empty() {
            self.shared.counters.stalls.fetch_add(1, Relaxed);
        }
        tracing::error!(%group, "{diagnosis}");
        let (clock, limit) = (&*self.shared.clock, self.options.callback_limit);
        self.options.callbacks.calls.tell(&[()], &Arc::new(diagnosis), clock, limit, &self.counters).await;
    }
}

//! A backlog at the start: how the group that keeps the aircraft works it off, told as it goes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use laneway::recovery::{RecoveryCallbacks, RecoveryMode, RecoveryNews, RecoveryOptions, RecoveryPolicy};
use serde::Serialize;

use crate::job::stopwatch::Stopwatch;

/// How often to look: a sample of a week is worked off within a second.
const LOOK: Duration = Duration::from_millis(50);
/// How long a mode stays at least.
const HYSTERESIS: Duration = Duration::from_millis(500);

/// How a backlog was worked off. Times are in seconds since the groups began.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Recovery {
    /// Events and rows that waited at the start.
    pub(crate) backlog: u64,
    /// When recovery began, if it did.
    pub(crate) entered: Option<f64>,
    /// When the group was as it was.
    pub(crate) left: Option<f64>,
    /// When everything was handled.
    pub(crate) drained: f64,
    /// When that was to be, by the first estimate after a tenth of the backlog.
    pub(crate) estimated: Option<f64>,
    /// How far that was off, in percent of the time that it took from then on.
    pub(crate) eta_error_percent: Option<f64>,
}

/// What the recovery told, and when.
#[derive(Clone)]
pub(super) struct Log {
    backlog: u64,
    watch: Stopwatch,
    told: Arc<Mutex<Told>>,
}

/// News, each with when it came.
type Told = Vec<(Duration, Arc<RecoveryNews>)>;

impl Log {
    /// Begins to write, with so many events and rows behind.
    pub(super) fn new(backlog: u64) -> Self {
        Self { backlog, watch: Stopwatch::start(), told: Arc::default() }
    }

    /// A recovery that is under way when the first event is handled, however soon the backlog is gone, and begins again at
    /// half of it; it tells this log, and standard error.
    pub(super) fn options(&self) -> RecoveryOptions {
        let enter_events = (self.backlog / 2).max(1);
        let policy = RecoveryPolicy {
            at_start: true,
            enter_events,
            exit_events: (self.backlog / 100).min(enter_events - 1),
            hysteresis: HYSTERESIS,
            ..RecoveryPolicy::default()
        };
        let callbacks = RecoveryCallbacks::new().on_switch(self.note()).on_progress(self.note());
        let (interval, recovering_interval) = (LOOK, LOOK);
        RecoveryOptions { policy, interval, recovering_interval, callbacks, ..RecoveryOptions::default() }
    }

    fn note(&self) -> impl Fn(Arc<RecoveryNews>) -> std::future::Ready<()> + use<> {
        let log = self.clone();
        move |news| {
            let at = log.watch.elapsed();
            eprintln!("{}", sentence(at, &news));
            log.told.lock().unwrap_or_else(PoisonError::into_inner).push((at, news));
            std::future::ready(())
        }
    }

    /// The time since the groups began.
    pub(super) fn elapsed(&self) -> Duration {
        self.watch.elapsed()
    }

    /// Sums up; everything was handled at `drained`, and the group as it was at `left`.
    pub(super) fn recovery(&self, drained: Duration, left: Duration) -> Recovery {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let entered = told.iter().find(|(_, news)| news.mode == RecoveryMode::Recovering);
        let early = |news: &RecoveryNews| {
            news.backlog.is_some_and(|left| left.events <= self.backlog - self.backlog / 10)
        };
        let estimate = told.iter().find_map(|(at, news)| Some((*at, news.eta?)).filter(|_| early(news)));
        let off = |(at, eta): (Duration, Duration)| {
            let took = drained.saturating_sub(at).as_secs_f64();
            (took > 0.0).then(|| (eta.as_secs_f64() - took).abs() / took * 100.0)
        };
        Recovery {
            backlog: self.backlog,
            entered: entered.map(|(at, _)| at.as_secs_f64()),
            left: entered.map(|_| left.as_secs_f64()),
            drained: drained.as_secs_f64(),
            estimated: estimate.map(|(at, eta)| (at + eta).as_secs_f64()),
            eta_error_percent: estimate.and_then(off),
        }
    }
}

fn sentence(at: Duration, news: &RecoveryNews) -> String {
    let behind = news.backlog.map_or_else(|| "?".to_owned(), |backlog| backlog.events.to_string());
    let left = match news.eta {
        Some(Duration::ZERO) => "nothing left".to_owned(),
        Some(eta) => format!("{eta:.1?} left"),
        None => "no estimate yet".to_owned(),
    };
    let (at, mode, concurrency) = (at.as_secs_f64(), news.mode, news.concurrency);
    format!("{at:8.3} s  {mode:?}: {behind} behind, {left}, up to {concurrency} handlers")
}

#[cfg(test)]
mod tests {
    use laneway::domain::{GroupId, Timestamp};
    use laneway::recovery::{BacklogSample, Transition};

    use super::*;

    fn news(
        events: u64,
        eta: Option<u64>,
        switched: Option<(RecoveryMode, RecoveryMode)>,
    ) -> Arc<RecoveryNews> {
        Arc::new(RecoveryNews {
            at: Timestamp::default(),
            group: GroupId::new("g").unwrap(),
            mode: RecoveryMode::Recovering,
            switched: switched.map(|(from, to)| Transition { from, to }),
            backlog: Some(BacklogSample { events, oldest: Duration::ZERO }),
            rate: None,
            eta: eta.map(Duration::from_secs),
            concurrency: 16,
        })
    }

    #[test]
    fn the_first_estimate_after_a_tenth_is_compared_with_what_came() {
        use RecoveryMode::{Draining, Normal, Recovering};
        let log = Log::new(1_000);
        let told = [
            (1, news(1_000, None, Some((Normal, Recovering)))),
            (2, news(950, Some(90), None)),
            (3, news(900, Some(9), None)),
            (4, news(800, Some(1), None)),
            (20, news(0, None, Some((Draining, Normal)))),
        ];
        log.told.lock().unwrap().extend(told.map(|(at, news)| (Duration::from_secs(at), news)));
        let recovery = log.recovery(Duration::from_secs(15), Duration::from_secs(20));
        let Recovery { entered, left, estimated, .. } = recovery;
        assert_eq!((entered, left, estimated), (Some(1.0), Some(20.0), Some(12.0)));
        assert!((recovery.eta_error_percent.unwrap() - 25.0).abs() < 1e-9);
        assert!(
            sentence(Duration::from_secs(3), &news(900, Some(9), None)).contains("900 behind, 9.0s left")
        );
    }

    #[test]
    fn a_recovery_that_was_not_needed_says_nothing() {
        let recovery = Log::new(1).recovery(Duration::from_secs(1), Duration::from_secs(1));
        assert_eq!((recovery.entered, recovery.estimated, recovery.eta_error_percent), (None, None, None));
        assert!(Log::new(1).options().policy.faults().is_empty());
    }
}

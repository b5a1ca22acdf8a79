//! What a recovery says to the loop, the workers and whoever asks, and what workers say to it.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use laneway_domain::invariant::RecoveryMode;

use super::concurrency::Latencies;

/// What a subscription does about its backlog right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryStats {
    /// The mode; always normal without recovery options.
    pub mode: RecoveryMode,
    /// Handlers that may run at once.
    pub concurrency: usize,
    /// Events behind, as the last check found: those that the group has not committed, less those that this subscription has handled
    /// already behind older ones. None before the first check.
    pub behind: Option<u64>,
    /// How long it takes until nothing is behind, while recovering; none where that cannot be told, or never comes.
    pub eta: Option<Duration>,
    /// Whether nothing starts, because a subscription of higher priority recovers.
    pub paused: bool,
}

/// Figures that few write and anyone reads. Workers measure only while recovering.
#[derive(Debug)]
pub(crate) struct Gauges {
    mode: AtomicU8,
    behind: AtomicU64,
    eta: AtomicU64,
    /// Events that are finished and not committed, because older ones are not finished.
    ahead: AtomicUsize,
    meters: Vec<Meter>,
}

/// What one worker measured since somebody last looked.
#[derive(Debug, Default)]
struct Meter {
    count: AtomicU32,
    nanos: AtomicU64,
    running: AtomicUsize,
}

const NONE: u64 = u64::MAX;

impl Gauges {
    pub(crate) fn new(workers: usize) -> Self {
        let meters = (0..workers).map(|_| Meter::default()).collect();
        Self {
            mode: AtomicU8::new(0),
            behind: AtomicU64::new(NONE),
            eta: AtomicU64::new(NONE),
            ahead: AtomicUsize::new(0),
            meters,
        }
    }

    pub(crate) fn mode(&self) -> RecoveryMode {
        match self.mode.load(Relaxed) {
            0 => RecoveryMode::Normal,
            1 => RecoveryMode::Recovering,
            _ => RecoveryMode::Draining,
        }
    }

    pub(crate) fn switch(&self, mode: RecoveryMode) {
        self.mode.store(mode as u8, Relaxed);
    }

    pub(crate) fn say(&self, behind: Option<u64>, eta: Option<Duration>) {
        self.behind.store(behind.unwrap_or(NONE), Relaxed);
        let nanos = eta.map(|eta| u64::try_from(eta.as_nanos()).unwrap_or(NONE));
        self.eta.store(nanos.unwrap_or(NONE), Relaxed);
    }

    pub(crate) fn behind(&self) -> Option<u64> {
        Some(self.behind.load(Relaxed)).filter(|behind| *behind != NONE)
    }

    pub(crate) fn eta(&self) -> Option<Duration> {
        Some(self.eta.load(Relaxed)).filter(|eta| *eta != NONE).map(Duration::from_nanos)
    }

    pub(crate) fn finished_ahead(&self, events: usize) {
        self.ahead.store(events, Relaxed);
    }

    pub(crate) fn ahead(&self) -> u64 {
        self.ahead.load(Relaxed) as u64
    }

    /// A worker says what it measured.
    pub(crate) fn measured(&self, worker: usize, latencies: Latencies) {
        let meter = &self.meters[worker];
        let nanos = u64::try_from(latencies.total.as_nanos()).unwrap_or(u64::MAX);
        meter.count.fetch_add(latencies.count, Relaxed);
        meter.nanos.fetch_add(nanos, Relaxed);
        meter.running.fetch_max(latencies.in_flight, Relaxed);
    }

    /// What all workers measured since the last look.
    pub(crate) fn take_latencies(&self) -> Latencies {
        let mut all = Latencies::default();
        for meter in &self.meters {
            all.count = all.count.saturating_add(meter.count.swap(0, Relaxed));
            all.total = all.total.saturating_add(Duration::from_nanos(meter.nanos.swap(0, Relaxed)));
            all.in_flight += meter.running.swap(0, Relaxed);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let gauges = Gauges::new(2);
        assert_eq!((gauges.mode(), gauges.behind(), gauges.eta()), (RecoveryMode::Normal, None, None));
        for mode in [RecoveryMode::Recovering, RecoveryMode::Draining, RecoveryMode::Normal] {
            gauges.switch(mode);
            assert_eq!(gauges.mode(), mode);
        }
        let eta = Some(Duration::from_secs(3));
        gauges.say(Some(7), eta);
        assert_eq!((gauges.behind(), gauges.eta()), (Some(7), eta));
    }

    #[test]
    fn latencies_of_all_workers_are_added_up_and_taken_once() {
        let gauges = Gauges::new(2);
        let said =
            |count, seconds, in_flight| Latencies { count, total: Duration::from_secs(seconds), in_flight };
        gauges.measured(0, said(2, 4, 3));
        gauges.measured(0, said(1, 1, 2));
        gauges.measured(1, said(1, 1, 1));
        assert_eq!(gauges.take_latencies(), said(4, 6, 4));
        assert_eq!(gauges.take_latencies(), Latencies::default());
    }
}

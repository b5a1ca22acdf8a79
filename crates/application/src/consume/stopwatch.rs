//! How long attempts take, for whoever adapts to it.

use laneway_domain::Monotonic;
use laneway_domain::invariant::RecoveryMode;

use crate::recovery::{Gauges, Latencies};

/// Measures while the subscription recovers; else it costs a branch per event.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    runs: bool,
    measured: Latencies,
}

impl Stopwatch {
    /// A turn of the worker begins.
    pub(crate) fn wind(&mut self, gauges: &Gauges) {
        self.runs = gauges.mode() == RecoveryMode::Recovering;
    }

    /// An attempt has ended.
    #[inline]
    pub(crate) fn ended(&mut self, since: Monotonic, now: Monotonic) {
        if self.runs {
            self.measured.count += 1;
            self.measured.total += now.since(since);
        }
    }

    /// The turn ends, and so many run.
    pub(crate) fn report(&mut self, gauges: &Gauges, worker: usize, in_flight: usize) {
        if self.runs {
            let measured = std::mem::take(&mut self.measured);
            gauges.measured(worker, Latencies { in_flight, ..measured });
        }
    }
}

//! What the loop and its workers share: settings that do not change, the gate, the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use laneway_domain::{AfterDeadLetter, Clock, Codec, GroupId};

use super::gate::Gate;
use super::hooks::Hooks;
use super::permits::Permits;
use super::stats::Counters;
use crate::policy::{Classifier, Quotas, RetryPolicy};
use crate::recovery::Gauges;
use crate::route::{OrderingMode, Router};

/// Read by all, changed by none but through the gate's and the counters' atomics.
pub(crate) struct Shared {
    pub(crate) group: GroupId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) codec: Option<Arc<dyn Codec>>,
    pub(crate) router: Router,
    pub(crate) ordering: OrderingMode,
    pub(crate) classifier: Classifier,
    pub(crate) hooks: Hooks,
    pub(crate) retry: RetryPolicy,
    pub(crate) processing_timeout: Duration,
    pub(crate) after_dead_letter: AfterDeadLetter,
    /// Whether a breaker wants to know how attempts end.
    pub(crate) breaks: bool,
    /// Whether the dead-letter store can hold what waits.
    pub(crate) parks: bool,
    /// The longest wait in memory, where it can.
    pub(crate) hold: Duration,
    pub(crate) lane_capacity: usize,
    /// The rates of the subscription and of its tenants.
    pub(crate) quotas: Arc<Quotas>,
    /// Decides jitter and the hash of lanes.
    pub(crate) seed: u64,
    pub(crate) gate: Gate,
    /// Handlers that run at once, over all workers.
    pub(crate) permits: Arc<Permits>,
    /// What the recovery says and hears.
    pub(crate) gauges: Gauges,
    /// Workers that have not ended.
    pub(crate) at_work: AtomicUsize,
    pub(crate) counters: Counters,
}

/// Counts a worker as being at work until it is dropped.
pub(crate) struct AtWork(Arc<Shared>);

impl AtWork {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.at_work.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::AcqRel);
        self.0.counters.bell.ring();
    }
}

//! A snapshot of a subscription for its watchdog.

use std::sync::atomic::Ordering::Relaxed;

use super::health::SubscriptionHealth;
use super::shared::Shared;
use crate::backlog::Vitals;
use crate::policy::BreakerState;

impl Shared {
    /// How the subscription looks now.
    pub(crate) fn vitals(&self, health: &SubscriptionHealth) -> Vitals {
        let stats = self.counters.stats();
        Vitals {
            behind: self.gauges.behind(),
            open: stats.open,
            finished: stats.handled + stats.dead_letters + stats.parked + stats.redriven,
            lanes: stats.lanes,
            partitions: stats.partitions,
            held_back: self.counters.held_back.load(Relaxed),
            permits_free: self.permits.free(),
            paused: self.permits.is_paused(),
            may_start_until: Some(self.gate.until()),
            connection: health.connection.clone(),
            store: health.dead_letter_store.clone(),
            breaker_open: health.breaker != BreakerState::Closed,
            alone: false,
            workers: self.counters.workers.iter().map(super::stats::WorkerCounters::vitals).collect(),
        }
    }
}

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
            commits: health.commits.clone(),
            suspects: health.suspects.clone(),
            breaker_open: health.breaker != BreakerState::Closed,
            alone: self.gate.is_held(),
            workers: self.counters.workers.iter().map(super::stats::WorkerCounters::vitals).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use laneway_domain::{AfterDeadLetter, GroupId, TopicName};

    use super::*;
    use crate::SystemClock;
    use crate::consume::SubscriptionOptions;
    use crate::consume::subscription::share;

    #[test]
    fn whoever_holds_still_for_a_suspect_says_so() {
        let topics = [TopicName::new("t").unwrap()];
        let options = SubscriptionOptions::new(GroupId::new("g").unwrap(), topics);
        let shared = share(&options, Arc::new(SystemClock::new()), AfterDeadLetter::Skip, false);
        for held in [true, false] {
            shared.gate.hold(held);
            assert_eq!(shared.vitals(&SubscriptionHealth::default()).alone, held);
        }
    }
}

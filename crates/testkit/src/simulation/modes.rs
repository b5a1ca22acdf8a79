//! How a group's members recover from their backlog.

use std::time::Duration;

use laneway_application::recovery::{
    ConcurrencyPolicy, RecoveryCallbacks, RecoveryNews, RecoveryOptions, RecoveryPolicy,
};
use laneway_domain::GroupId;
use laneway_domain::invariant::Happening;

use super::chance::Chance;
use crate::history::Recorder;

/// When members recover, and what they may use then: thresholds so low that every run has some switches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModePlan {
    /// When a recovery begins and ends.
    pub policy: RecoveryPolicy,
    /// How many handlers run at once meanwhile.
    pub concurrency: ConcurrencyPolicy,
    /// What the limits of open events are multiplied by.
    pub fetch_factor: usize,
    /// How often to look at the backlog.
    pub interval: Duration,
}

impl ModePlan {
    /// How long a mode stays at least.
    pub const HYSTERESIS: Duration = Duration::from_millis(200);

    /// For one group in three. From a seed of its own, so that scenarios are else what they were without it.
    pub(super) fn draw(seed: u64, max_in_flight: usize) -> Option<Self> {
        let chance = &mut Chance::new(seed ^ 0x16);
        if !chance.percent(33) {
            return None;
        }
        let exit_events = chance.between(0..=8) as u64;
        let exit_age = chance.millis(1..=300);
        let policy = RecoveryPolicy {
            at_start: chance.percent(20),
            enter_events: exit_events + chance.between(1..=15) as u64,
            enter_age: exit_age + chance.millis(1..=1_000),
            exit_events,
            exit_age,
            transition_threshold: u32::try_from(chance.between(1..=3)).unwrap_or(1),
            hysteresis: Self::HYSTERESIS,
        };
        let min = chance.between(1..=4);
        let concurrency = ConcurrencyPolicy {
            min,
            max: min.max(max_in_flight) + chance.between(0..=8),
            window: chance.millis(20..=200),
            least: 1,
            ..ConcurrencyPolicy::default()
        };
        let (fetch_factor, interval) = (chance.between(1..=4), chance.millis(50..=300));
        Some(Self { policy, concurrency, fetch_factor, interval })
    }

    /// The options of one subscription, whose switches are recorded under a name of its own: modes are no group's, but its members'.
    pub(super) fn options(&self, recorder: &Recorder, name: GroupId) -> RecoveryOptions {
        let recorder = recorder.clone();
        let callbacks = RecoveryCallbacks::new().on_switch(move |news: std::sync::Arc<RecoveryNews>| {
            let group = name.clone();
            recorder.record_all(news.switched.map(|switched| Happening::RecoverySwitched {
                group,
                from: switched.from,
                to: switched.to,
            }));
            std::future::ready(Ok::<(), std::io::Error>(()))
        });
        RecoveryOptions {
            policy: self.policy,
            concurrency: self.concurrency,
            fetch_factor: self.fetch_factor,
            interval: self.interval,
            recovering_interval: self.interval,
            callbacks,
            ..RecoveryOptions::default()
        }
    }
}

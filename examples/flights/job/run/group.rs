//! A consumer group on the bus.

use std::sync::Arc;
use std::time::Duration;

use laneway::consume::{FailedAttempt, Hooks, SubscriptionStats};
use laneway::domain::AfterDeadLetter;
use laneway::memory::MemoryDeadLetters;
use laneway::policy::RetryPolicy;
use laneway::prelude::*;
use laneway::recovery::RecoveryOptions;

use super::clerk::{Clerk, Register};
use super::content::number;
use super::error::RunError;
use super::hardship::Hardship;
use super::letters;
use super::outcome::Figures;
use super::settings::Settings;
use super::tally::Tally;
use crate::job::rows::RowError;

/// A handler's time where nothing is planned to hang, beyond the time that it takes.
const CALM: Duration = Duration::from_secs(30);
/// And where something is: a hang costs its aircraft this long.
const CHAOS: Duration = Duration::from_millis(300);

/// A consumer group on the bus, and which events it has finished.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) subscription: Subscription,
    pub(super) tally: Arc<Tally>,
}

impl Group {
    /// Subscribes a group of this name, which keeps `register`, and expects `total` events and rows.
    ///
    /// # Errors
    /// [`RunError`] where the bus refuses.
    pub(super) async fn open<R: Register>(
        bus: &EventBus,
        (name, topic, total): (&'static str, &TopicName, u64),
        settings: &Settings,
        register: Arc<R>,
        hardship: Arc<Hardship>,
        recovery: Option<RecoveryOptions>,
    ) -> Result<Self, RunError> {
        let tally = Arc::new(Tally::new(total));
        let mut options = options(SubscriptionOptions::new(GroupId::new(name)?, [topic.clone()]), settings);
        options.recovery = recovery;
        let dead = tally.clone();
        options.hooks = Hooks::default().on_fatal(move |attempt: &FailedAttempt<'_>| {
            // What has an aircraft is parked, and comes again.
            let given_up = attempt.event.filter(|event| event.aggregate().is_none());
            given_up.into_iter().for_each(|event| _ = dead.finish(number(event)));
        });
        let subscription = bus.subscribe(options, Clerk { register, hardship, tally: tally.clone() }).await?;
        Ok(Self { name, subscription, tally })
    }

    /// Waits until each of `total` events and rows was handled, or is in the dead-letter store.
    pub(super) async fn through(&self, total: u64) {
        let known = |stats: &SubscriptionStats| stats.handled + stats.dead_letters + stats.parked;
        self.subscription.wait_until(|stats| known(stats) >= total).await;
    }

    /// What the group did, when it is closed.
    ///
    /// # Errors
    /// [`RunError::Letters`] where its dead letters cannot be read.
    pub(super) async fn figures(
        &self,
        letters: &MemoryDeadLetters,
        malformed: &[RowError],
    ) -> Result<Figures, RunError> {
        let stats = self.subscription.stats();
        let (dead_letters, malformed_rows) =
            letters::count(letters, self.subscription.group(), malformed).await?;
        let (redriven, retries, commits) = (stats.redriven, stats.retries, stats.commits);
        let handled = stats.handled + redriven;
        Ok(Figures { handled, redriven, dead_letters, malformed_rows, retries, commits })
    }
}

fn options(defaults: SubscriptionOptions, settings: &Settings) -> SubscriptionOptions {
    let takes = settings.handler_time.map_or(Duration::ZERO, |time| time.to);
    let options = SubscriptionOptions {
        workers: settings.workers.unwrap_or(defaults.workers),
        processing_timeout: takes + CALM,
        after_dead_letter: Some(AfterDeadLetter::Park),
        ..defaults
    };
    if settings.plan.is_none() {
        return options;
    }
    let (initial_interval, max_interval) = (Duration::from_millis(1), Duration::from_millis(20));
    let retry = RetryPolicy { initial_interval, max_interval, ..RetryPolicy::default() };
    SubscriptionOptions { processing_timeout: takes + CHAOS, retry, ..options }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::chaos::{Plan, SAFE_ATTEMPT};

    #[test]
    fn what_a_plan_lets_pass_at_last_is_tried_as_often() {
        let settings = Settings { plan: Some(Plan::new(1, &[])), ..Settings::default() };
        let defaults = SubscriptionOptions::new(GroupId::new("g").unwrap(), []);
        assert!(options(defaults, &settings).retry.max_retries + 1 >= SAFE_ATTEMPT);
    }
}

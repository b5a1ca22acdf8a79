//! A consumer group on the bus.

use std::sync::Arc;
use std::time::Duration;

use laneway::consume::{FailedAttempt, Hooks};
use laneway::domain::AfterDeadLetter;
use laneway::memory::MemoryDeadLetters;
use laneway::policy::RetryPolicy;
use laneway::prelude::*;

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
    ) -> Result<Self, RunError> {
        let tally = Arc::new(Tally::new(total));
        let mut options = options(SubscriptionOptions::new(GroupId::new(name)?, [topic.clone()]), settings);
        let dead = tally.clone();
        options.hooks = Hooks::default().on_fatal(move |attempt: &FailedAttempt<'_>| {
            dead.finish(attempt.event.map_or(u64::MAX, number));
        });
        let subscription = bus.subscribe(options, Clerk { register, hardship, tally: tally.clone() }).await?;
        Ok(Self { name, subscription, tally })
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
        let (handled, retries, commits) = (stats.handled, stats.retries, stats.commits);
        Ok(Figures { handled, dead_letters, malformed_rows, retries, commits })
    }
}

fn options(defaults: SubscriptionOptions, settings: &Settings) -> SubscriptionOptions {
    let takes = settings.handler_time.map_or(Duration::ZERO, |time| time.to);
    let options = SubscriptionOptions {
        workers: settings.workers.unwrap_or(defaults.workers),
        processing_timeout: takes + CALM,
        after_dead_letter: Some(AfterDeadLetter::Skip),
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

//! How a subscription is, truthfully.

use tokio::sync::watch;

use crate::policy::BreakerState;

/// How a subscription is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionHealth {
    /// What it is doing.
    pub phase: RunPhase,
    /// Why the broker cannot be reached, while it cannot.
    pub connection: Option<String>,
    /// What the dead-letter store says, while it refuses entries; their lanes wait.
    pub dead_letter_store: Option<String>,
    /// Why the broker does not store a checkpoint, while it refuses. Its partition is handled again from the one before after a
    /// crash, and one whose first is refused is not read.
    pub commits: Option<String>,
    /// What does not end although its time is up, while suspects of a crash wait for it: none of them runs beside anything.
    pub suspects: Option<String>,
    /// Why nothing goes on, while the watchdog sees that.
    pub stalled: Option<String>,
    /// What the breaker lets through.
    pub breaker: BreakerState,
    /// Ranges that the broker deleted before they were read.
    pub gaps: u64,
}

/// What a subscription is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RunPhase {
    /// It handles events.
    #[default]
    Running,
    /// It was told to stop and drains.
    Closing,
    /// It has ended; with the reason, if nobody asked for it.
    Ended(Option<String>),
}

impl SubscriptionHealth {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let refusals =
            [&self.connection, &self.dead_letter_store, &self.commits, &self.suspects, &self.stalled];
        let stands = refusals.iter().all(|refusal| refusal.is_none());
        self.phase == RunPhase::Running && stands && self.breaker == BreakerState::Closed
    }
}

/// The loop's end of the health.
pub(crate) struct Condition(watch::Sender<SubscriptionHealth>);

impl Condition {
    pub(crate) fn new() -> (Self, watch::Receiver<SubscriptionHealth>) {
        let (tell, told) = watch::channel(SubscriptionHealth::default());
        (Self(tell), told)
    }

    fn change(&self, change: impl FnOnce(&mut SubscriptionHealth)) {
        self.0.send_if_modified(|health| {
            let before = health.clone();
            change(health);
            *health != before
        });
    }

    pub(crate) fn down(&self, reason: &str) {
        self.change(|health| health.connection = Some(reason.to_owned()));
    }

    pub(crate) fn reopened(&self) {
        self.change(|health| health.connection = None);
    }

    /// Notes what the store says; costs a comparison while nothing changes.
    pub(crate) fn store(&self, refusal: Option<&str>) {
        if self.0.borrow().dead_letter_store.as_deref() != refusal {
            self.change(|health| health.dead_letter_store = refusal.map(str::to_owned));
        }
    }

    /// Notes why a checkpoint is not stored; costs a comparison while nothing changes.
    pub(crate) fn commits(&self, refusal: Option<&str>) {
        if self.0.borrow().commits.as_deref() != refusal {
            self.change(|health| health.commits = refusal.map(str::to_owned));
        }
    }

    /// Notes what suspects wait for; costs a comparison while nothing changes.
    pub(crate) fn suspects(&self, why: Option<&str>) {
        if self.0.borrow().suspects.as_deref() != why {
            self.change(|health| health.suspects = why.map(str::to_owned));
        }
    }

    pub(crate) fn stalled(&self, why: Option<String>) {
        self.change(|health| health.stalled = why);
    }

    pub(crate) fn breaker(&self, state: BreakerState) {
        self.change(|health| health.breaker = state);
    }

    pub(crate) fn gap(&self) {
        self.change(|health| health.gaps += 1);
    }

    pub(crate) fn closing(&self) {
        self.change(|health| health.phase = RunPhase::Closing);
    }

    pub(crate) fn ended(&self, reason: Option<String>) {
        self.change(|health| {
            if !matches!(health.phase, RunPhase::Ended(_)) {
                health.phase = RunPhase::Ended(reason);
            }
        });
    }
}

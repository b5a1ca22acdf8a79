//! What users are told as it happens.

use std::fmt;
use std::sync::Arc;

use laneway_domain::{
    ConnectionChange, Envelope, GapCause, GroupId, PartitionNumber, Position, Resume, StoreError, TopicName,
};

use crate::guard::guarded;
use crate::policy::{BreakerState, Failure, Next};

type OnFailure = Arc<dyn for<'a> Fn(&FailedAttempt<'a>) + Send + Sync>;
type On<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Callbacks of a subscription. They run inside the bus: quick, and without waiting. One that panics is logged and
/// changes nothing.
#[derive(Clone, Default)]
pub struct Hooks {
    retryable: Option<OnFailure>,
    fatal: Option<OnFailure>,
    gap: Option<On<MissingRange>>,
    connection: Option<On<ConnectionChange>>,
    store: Option<On<StoreError>>,
    breaker: Option<On<BreakerState>>,
}

/// An attempt that failed, and what comes next.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    /// The group.
    pub group: &'a GroupId,
    /// The topic.
    pub topic: &'a TopicName,
    /// The partition.
    pub partition: PartitionNumber,
    /// The position.
    pub position: Position,
    /// The event; none where the record does not decode.
    pub event: Option<&'a Envelope>,
    /// How it failed.
    pub failure: &'a Failure,
    /// Which attempt this was, from 1; one that does not count, because the breaker holds back, has the number of the next.
    pub attempt: u32,
    /// What comes next.
    pub next: Next,
}

/// Events that the broker deleted before the group read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRange {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: PartitionNumber,
    /// Where reading would have gone on.
    pub from: Resume,
    /// Where it goes on.
    pub to: Resume,
    /// Why.
    pub cause: GapCause,
}

impl Hooks {
    /// Called when an attempt failed and will be repeated.
    #[must_use]
    pub fn on_retryable(mut self, hook: impl for<'a> Fn(&FailedAttempt<'a>) + Send + Sync + 'static) -> Self {
        self.retryable = Some(Arc::new(hook));
        self
    }

    /// Called when an event gives up and goes to the dead letters.
    #[must_use]
    pub fn on_fatal(mut self, hook: impl for<'a> Fn(&FailedAttempt<'a>) + Send + Sync + 'static) -> Self {
        self.fatal = Some(Arc::new(hook));
        self
    }

    /// Called when the broker deleted events before they were read.
    #[must_use]
    pub fn on_gap(mut self, hook: impl Fn(&MissingRange) + Send + Sync + 'static) -> Self {
        self.gap = Some(Arc::new(hook));
        self
    }

    /// Called when the connection to the broker changes, once a transition.
    #[must_use]
    pub fn on_connection(mut self, hook: impl Fn(&ConnectionChange) + Send + Sync + 'static) -> Self {
        self.connection = Some(Arc::new(hook));
        self
    }

    /// Called when the dead-letter store refuses an entry; its lane waits, and the store is asked again.
    #[must_use]
    pub fn on_store_refusal(mut self, hook: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        self.store = Some(Arc::new(hook));
        self
    }

    /// Called when the breaker opens, lets a first probe through, or closes, once a transition.
    #[must_use]
    pub fn on_breaker(mut self, hook: impl Fn(&BreakerState) + Send + Sync + 'static) -> Self {
        self.breaker = Some(Arc::new(hook));
        self
    }

    pub(crate) fn failed(&self, attempt: &FailedAttempt<'_>) {
        let hook = if matches!(attempt.next, Next::After(_)) { &self.retryable } else { &self.fatal };
        call(hook.as_ref(), |hook| hook(attempt));
    }

    pub(crate) fn gap(&self, range: &MissingRange) {
        call(self.gap.as_ref(), |hook| hook(range));
    }

    pub(crate) fn connection(&self, change: &ConnectionChange) {
        call(self.connection.as_ref(), |hook| hook(change));
    }

    pub(crate) fn breaker(&self, state: &BreakerState) {
        call(self.breaker.as_ref(), |hook| hook(state));
    }

    pub(crate) fn store_refused(&self, error: &StoreError) {
        call(self.store.as_ref(), |hook| hook(error));
    }
}

fn call<H>(hook: Option<&H>, run: impl FnOnce(&H)) {
    if let Some(hook) = hook
        && let Err(panic) = guarded(|| run(hook))
    {
        tracing::error!(panic, "a hook panicked");
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_retryable", &self.retryable.is_some())
            .field("on_fatal", &self.fatal.is_some())
            .field("on_gap", &self.gap.is_some())
            .field("on_connection", &self.connection.is_some())
            .field("on_store_refusal", &self.store.is_some())
            .field("on_breaker", &self.breaker.is_some())
            .finish()
    }
}

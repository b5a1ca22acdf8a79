//! Handles each event once, as far as a store remembers.

use std::sync::Arc;

use laneway_domain::{
    Admission, AggregateVersion, Cancellation, ErrorClass, Event, Handler, HandlerContext, HandlerError,
    IdempotencyKey, IdempotencyStore, Invalid, Mark, StoreError, Subject,
};
use quick_cache::sync::Cache;
use thiserror::Error;

use super::tally::Tally;
use super::under_way::UnderWay;
use crate::consume::ConfigError;
use crate::policy::VersionWindow;
use crate::sabotage::{Bug, is_planted};

/// A handler that acknowledges what it has handled before.
///
/// What was handled stands in a store; a bounded cache in front of it answers for recent duplicates. A hit proves that an
/// event was handled, since what is known only grows; a miss proves nothing, so everything else asks the store. A handler
/// that fails is not recorded.
///
/// The record follows the handler's own writes and is not one with them: a crash in between handles the event again. For
/// one effect per event, record in the handler's transaction with an [`Inbox`](laneway_domain::Inbox).
pub struct Idempotent<H> {
    inner: H,
    options: IdempotentOptions,
    store: Arc<dyn IdempotencyStore>,
    known: Cache<IdempotencyKey, Mark>,
    under_way: UnderWay<Subject>,
    tally: Tally,
}

/// How events are told apart, and what to do with one that is out of sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotentOptions {
    /// What tells events apart. Default: their ids.
    pub by: KeyedBy,
    /// The marks that the cache holds. Default 16,384: the duplicates of a redelivery after a crash, at about 150 bytes
    /// each.
    pub cache: usize,
    /// The handler's number among several of one subscription. Default 0.
    pub handler: u16,
    /// What to do with an event before which versions are missing. Default: handle it, and count the gap.
    pub gap: Unexpected,
    /// What to do with an event behind which younger ones were handled. Default: handle it, and count it.
    pub late: Unexpected,
}

/// What tells events apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyedBy {
    /// The event's id: a record for each event.
    #[default]
    EventId,
    /// The event's version in its aggregate: one record for each aggregate, however long it lives. An event without an
    /// aggregate or a version goes by its id.
    AggregateVersion,
}

/// What to do with an event that is out of sequence. Either way it is not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unexpected {
    /// Handle it.
    #[default]
    Handle,
    /// Refuse it for good: a dead letter, and its aggregate waits or goes on as the subscription says.
    Refuse,
}

/// An event that was refused because of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OutOfSequence {
    /// Versions before it are missing.
    #[error("version {version} came before its predecessors")]
    Gap {
        /// The version.
        version: AggregateVersion,
    },
    /// Younger ones were handled before.
    #[error("version {version} came after younger ones were handled")]
    Late {
        /// The version.
        version: AggregateVersion,
    },
}

impl Default for IdempotentOptions {
    fn default() -> Self {
        let (gap, late) = (Unexpected::default(), Unexpected::default());
        Self { by: KeyedBy::default(), cache: 16_384, handler: 0, gap, late }
    }
}

impl IdempotentOptions {
    /// Every rule that the settings break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let sound = (1..=1 << 28).contains(&self.cache);
        let fault = || Invalid::new("idempotent.cache", "lies between 1 and 268435456", self.cache);
        if sound { Vec::new() } else { vec![fault()] }
    }
}

impl<H: Handler> Idempotent<H> {
    /// Stands around `inner` and remembers in `store`.
    ///
    /// # Errors
    /// Every rule that the options break.
    pub fn new(
        options: IdempotentOptions,
        store: Arc<dyn IdempotencyStore>,
        inner: H,
    ) -> Result<Self, ConfigError> {
        ConfigError::check(options.faults())?;
        let (known, under_way) = (Cache::new(options.cache), UnderWay::new());
        Ok(Self { inner, options, store, known, under_way, tally: Tally::default() })
    }

    /// How many events were duplicates, late, or behind a gap.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn subject(&self, event: &Event) -> Option<Subject> {
        let versioned = self.options.by == KeyedBy::AggregateVersion && event.version().is_some();
        let aggregate = event.key().filter(|_| versioned).map(Subject::Aggregate);
        aggregate.or_else(|| event.id().map(Subject::Event))
    }

    /// Refuses what the options want refused.
    fn check(&self, admission: Admission, event: &Event) -> Result<(), HandlerError> {
        self.tally.count(admission);
        let refused = match (admission, event.version()) {
            (Admission::Gap, Some(version)) if self.options.gap == Unexpected::Refuse => {
                OutOfSequence::Gap { version }
            }
            (Admission::Late, Some(version)) if self.options.late == Unexpected::Refuse => {
                OutOfSequence::Late { version }
            }
            _ => return Ok(()),
        };
        Err(HandlerError::fatal(refused))
    }
}

impl<H: Handler> Handler for Idempotent<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let Some(subject) = self.subject(event) else { return self.inner.handle(event, context).await };
        // Two copies of one event may come through two lanes, or through none.
        let _pass = self.under_way.wait(&subject).await;
        let key = IdempotencyKey { group: context.group.clone(), handler: self.options.handler, subject };
        if self
            .known
            .get(&key)
            .is_some_and(|mark| admit(&key.subject, Some(mark), event).0 == Admission::Duplicate)
        {
            self.tally.count(Admission::Duplicate);
            return Ok(());
        }
        let stored = self.store.seen(&key).await.map_err(unanswered)?;
        let (admission, mark) = admit(&key.subject, stored, event);
        self.check(admission, event)?;
        if is_planted(Bug::RecordedBeforeHandled) {
            self.store.record(&key, mark).await.map_err(unanswered)?;
        }
        if admission != Admission::Duplicate {
            self.inner.handle(event, context).await?;
            self.store.record(&key, mark).await.map_err(unanswered)?;
        }
        self.known.insert(key, mark);
        Ok(())
    }

    fn cancellation(&self) -> Cancellation {
        self.inner.cancellation()
    }
}

/// What an event is, and what to record once it was handled.
fn admit(subject: &Subject, mark: Option<Mark>, event: &Event) -> (Admission, Mark) {
    let (Subject::Aggregate(_), Some(version)) = (subject, event.version()) else {
        let admission = if mark.is_some() { Admission::Duplicate } else { Admission::New };
        return (admission, Mark::Handled);
    };
    let watermark = match mark {
        Some(Mark::Versions(watermark)) => Some(watermark),
        Some(Mark::Handled) | None => None,
    };
    let place = (!event.is_redriven()).then(|| (event.partition(), event.position()));
    let (admission, window) = VersionWindow::from(watermark).admit_at(version, place);
    (admission, window.watermark().map_or(Mark::Handled, Mark::Versions))
}

fn unanswered(error: StoreError) -> HandlerError {
    HandlerError::new(error.is_retryable().then_some(ErrorClass::Retryable), error)
}

impl<H> std::fmt::Debug for Idempotent<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idempotent").field("options", &self.options).finish_non_exhaustive()
    }
}

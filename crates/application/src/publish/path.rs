//! The publish path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use laneway_domain::{
    Clock, Envelope, EventId, Flushed, Origin, Outgoing, PublishError, PublishFault, Published, Publisher,
};

use super::check::{refusal, split};
use super::receipt::Receipt;
use super::stamp::Stamp;
use crate::consume::origin::origin;

const OPEN: u8 = 0;
const DRAINING: u8 = 1;
const CLOSED: u8 = 2;

/// Takes events from the user to the publisher port. No lock, and per batch one look at the clock.
pub struct PublishPath {
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    phase: AtomicU8,
    /// Events taken from callers; less the three below it, those that wait for the broker.
    taken: AtomicU64,
    published: AtomicU64,
    refused: AtomicU64,
    /// Events whose callers did not wait for the answer.
    left: AtomicU64,
}

/// Counts a call's events as left, where its future is dropped before the answer.
struct Waiting<'a> {
    left: &'a AtomicU64,
    events: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.events > 0 {
            self.left.fetch_add(self.events, Ordering::Relaxed);
        }
    }
}

impl PublishPath {
    /// A path to this publisher.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>, clock: Arc<dyn Clock>) -> Self {
        let none = || AtomicU64::new(0);
        let (taken, published, refused, left) = (none(), none(), none(), none());
        Self { publisher, clock, phase: AtomicU8::new(OPEN), taken, published, refused, left }
    }

    /// Publishes one event. `Ok` means that the broker holds it.
    ///
    /// # Errors
    /// What became of the event otherwise, see [`PublishFault`].
    ///
    /// # Cancel safety
    /// Dropping the future recalls nothing: the outcome is unknown.
    pub async fn publish(&self, event: Envelope) -> Result<Receipt, PublishError> {
        let mut answers = self.publish_batch(vec![event]).await;
        answers.pop().unwrap_or_else(|| Err(no_answer()))
    }

    /// Publishes events; answer `i` belongs to event `i`. Events of one aggregate are appended in the order given; two
    /// batches are ordered only if the first was awaited.
    ///
    /// # Cancel safety
    /// Dropping the future recalls nothing: the outcomes are unknown.
    pub async fn publish_batch(&self, mut events: Vec<Envelope>) -> Vec<Result<Receipt, PublishError>> {
        if self.refuses(origin()) {
            return events.iter().map(|_| Err(closed())).collect();
        }
        let mut stamp = Stamp::new(self.clock.wall());
        events.iter_mut().for_each(|event| stamp.put_on(event));
        let capabilities = self.publisher.capabilities();
        let mut waiting = self.take(events.len() as u64);
        let answers = if events.iter().any(|event| refusal(event, capabilities).is_some()) {
            self.publish_some(events).await
        } else {
            self.hand_over(events).await
        };
        waiting.events = 0;
        self.count(&answers);
        answers
    }

    fn take(&self, events: u64) -> Waiting<'_> {
        self.taken.fetch_add(events, Ordering::Relaxed);
        Waiting { left: &self.left, events }
    }

    /// How many events were handed over and have no answer yet: the depth of the send queue, as far as callers wait for it.
    #[must_use]
    pub fn sending(&self) -> u64 {
        // Answers first: what is answered in between counts as waiting, and the difference never wraps.
        let (published, refused) = self.counts();
        let answered = published + refused + self.left.load(Ordering::Relaxed);
        self.taken.load(Ordering::Relaxed).saturating_sub(answered)
    }

    /// Publishes what of a batch may go, and answers in the batch's order.
    async fn publish_some(&self, events: Vec<Envelope>) -> Vec<Result<Receipt, PublishError>> {
        let (passed, errors) = split(events, self.publisher.capabilities());
        let mut answers = self.hand_over(passed).await.into_iter();
        let answer = |error: Option<PublishError>| match error {
            Some(error) => Err(error),
            None => answers.next().unwrap_or_else(|| Err(no_answer())),
        };
        errors.into_iter().map(answer).collect()
    }

    async fn hand_over(&self, events: Vec<Envelope>) -> Vec<Result<Receipt, PublishError>> {
        let ids: Vec<Option<EventId>> = events.iter().map(Envelope::id).collect();
        let origin = origin();
        let mut results = self.publisher.publish(Outgoing { events, origin }).await;
        // An adapter that answers too little leaves the rest unknown, never acknowledged.
        results.resize_with(ids.len(), || Err(no_answer()));
        ids.into_iter().zip(results).map(|(id, result)| receipt(id, result)).collect()
    }

    fn count(&self, answers: &[Result<Receipt, PublishError>]) {
        let published = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        self.published.fetch_add(published, Ordering::Relaxed);
        if published < answers.len() as u64 {
            self.refused.fetch_add(answers.len() as u64 - published, Ordering::Relaxed);
        }
    }

    /// How many events were acknowledged, and how many were not.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.published.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    fn refuses(&self, origin: Origin) -> bool {
        match self.phase.load(Ordering::Acquire) {
            OPEN => false,
            DRAINING => origin == Origin::Caller,
            _ => true,
        }
    }

    /// Takes no more events but from handlers, which may end what they are at.
    pub fn drain(&self) {
        // What is closed stays so.
        let _ = self.phase.compare_exchange(OPEN, DRAINING, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Takes no more events, and waits until those handed over have an outcome, at most so long.
    pub async fn close(&self, within: Duration) -> Flushed {
        self.phase.store(CLOSED, Ordering::Release);
        self.publisher.flush(self.clock.monotonic() + within).await
    }
}

fn receipt(id: Option<EventId>, result: Result<Published, PublishError>) -> Result<Receipt, PublishError> {
    let Published { partition, position } = result?;
    let id = id.ok_or_else(no_answer)?;
    Ok(Receipt { id, partition, position })
}

fn no_answer() -> PublishError {
    PublishError::new(PublishFault::Unknown, "the publisher gave no answer for this event")
}

fn closed() -> PublishError {
    PublishError::new(PublishFault::Closed, "the bus is closed")
}

//! Publishers that remember what was published.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    Envelope, Flushed, Monotonic, Outgoing, PartitionNumber, Position, PublishError, Published, Publisher,
    PublisherCapabilities,
};

/// Events that a broker took, in order. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox(Arc<Mutex<Vec<Envelope>>>);

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Vec<Envelope>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Envelope> {
        self.lock().clone()
    }

    /// What is in it; it is empty then.
    pub(super) fn take(&self) -> Vec<Envelope> {
        std::mem::take(&mut self.lock())
    }
}

/// A publisher that notes what the one below it took.
#[derive(Debug)]
pub(super) struct Noting<P> {
    pub(super) inner: P,
    pub(super) outbox: Outbox,
}

#[async_trait]
impl<P: Publisher> Publisher for Noting<P> {
    fn capabilities(&self) -> &PublisherCapabilities {
        self.inner.capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let events = batch.events.clone();
        let results = self.inner.publish(batch).await;
        let taken = events.into_iter().zip(&results).filter(|(_, result)| result.is_ok());
        self.outbox.lock().extend(taken.map(|(event, _)| event));
        results
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.inner.flush(deadline).await
    }
}

/// A publisher without a broker: it takes everything.
#[derive(Debug, Default)]
pub(super) struct Nowhere(AtomicU64);

#[async_trait]
impl Publisher for Nowhere {
    fn capabilities(&self) -> &PublisherCapabilities {
        const TAKES_ALL: PublisherCapabilities = PublisherCapabilities {
            max_bytes: 64 << 20,
            durable: false,
            deduplicates: false,
            ordered_prefix: true,
        };
        &TAKES_ALL
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let answer = |_: Envelope| {
            let position = Position::new(self.0.fetch_add(1, Ordering::Relaxed));
            Ok(Published { partition: PartitionNumber(0), position: Some(position) })
        };
        batch.events.into_iter().map(answer).collect()
    }

    async fn flush(&self, _deadline: Monotonic) -> Flushed {
        Flushed::default()
    }
}

//! Publishing through faults.

use async_trait::async_trait;
use laneway_domain::{
    Flushed, Monotonic, Outgoing, PublishError, PublishFault, Published, Publisher, PublisherCapabilities,
};

use super::dice::Faults;
use super::fault::Fault;

/// A publisher that is late, full, out of reach, or whose answers are lost.
///
/// Where a batch fails in part, its beginning is stored and answered. A lost answer leaves nothing of
/// [`PublisherCapabilities::ordered_prefix`], so it is `false` where one may be lost.
#[derive(Debug, Clone)]
pub struct FaultyPublisher<P> {
    inner: P,
    faults: Faults,
    capabilities: PublisherCapabilities,
}

impl<P: Publisher> FaultyPublisher<P> {
    /// Wraps `inner`.
    pub fn new(inner: P, faults: Faults) -> Self {
        let known = *inner.capabilities();
        let ordered_prefix = known.ordered_prefix && !faults.plan().may(Fault::PublishAnswerLost);
        Self { inner, faults, capabilities: PublisherCapabilities { ordered_prefix, ..known } }
    }

    /// Passes the beginning of a batch on, and fails the rest.
    async fn refuse(&self, mut batch: Outgoing, fault: PublishFault) -> Vec<Result<Published, PublishError>> {
        let count = batch.events.len();
        let passed = self.faults.below(count);
        batch.events.truncate(passed);
        let mut results = if passed == 0 { Vec::new() } else { self.inner.publish(batch).await };
        results.resize_with(count, || Err(PublishError::new(fault, "a fault of the plan")));
        results
    }

    /// Passes a batch on, and loses the answers for its end.
    async fn forget(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let kept = self.faults.below(batch.events.len());
        let mut results = self.inner.publish(batch).await;
        let lost = results.iter_mut().skip(kept).filter(|result| result.is_ok());
        for result in lost {
            *result = Err(PublishError::new(PublishFault::Unknown, "a fault of the plan lost the answer"));
        }
        results
    }
}

#[async_trait]
impl<P: Publisher> Publisher for FaultyPublisher<P> {
    fn capabilities(&self) -> &PublisherCapabilities {
        &self.capabilities
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        self.faults.may_delay(Fault::PublishDelay).await;
        if self.faults.strikes(Fault::PublishBusy) {
            return self.refuse(batch, PublishFault::Busy).await;
        }
        if self.faults.strikes(Fault::PublishUnavailable) {
            return self.refuse(batch, PublishFault::Unavailable).await;
        }
        if self.faults.strikes(Fault::PublishAnswerLost) {
            return self.forget(batch).await;
        }
        self.inner.publish(batch).await
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.inner.flush(deadline).await
    }
}

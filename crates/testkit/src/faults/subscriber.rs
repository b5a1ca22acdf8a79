//! Opening sessions through faults.

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, Session, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};

use super::dice::Faults;
use super::fault::Fault;
use super::session::FaultySession;

/// A subscriber that is out of reach at times, and whose sessions have faults.
#[derive(Debug, Clone)]
pub struct FaultySubscriber<S> {
    inner: S,
    faults: Faults,
    capabilities: SubscriberCapabilities,
}

impl<S: Subscriber> FaultySubscriber<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, faults: Faults) -> Self {
        let known = *inner.capabilities();
        let fences = known.fences || faults.plan().may(Fault::Pause);
        Self { inner, faults, capabilities: SubscriberCapabilities { fences, ..known } }
    }
}

#[async_trait]
impl<S: Subscriber> Subscriber for FaultySubscriber<S> {
    fn capabilities(&self) -> &SubscriberCapabilities {
        &self.capabilities
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        if self.faults.strikes(Fault::OpenRefused) {
            return Err(SubscribeError::Unavailable {
                reason: "a fault of the plan".to_owned(),
                cause: None,
            });
        }
        let session = self.inner.open(subscription).await?;
        Ok(Box::new(FaultySession::new(session, self.faults.clone())))
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        self.inner.lag()
    }
}

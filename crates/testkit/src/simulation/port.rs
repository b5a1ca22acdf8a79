//! Shared ports as ports of their own, so that wrappers can hold them.

use std::sync::Arc;

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Flushed, Monotonic, Outgoing, Parking,
    PublishError, Published, Publisher, PublisherCapabilities, Session, StoreError, SubscribeError, Subscriber,
    SubscriberCapabilities, Subscription,
};

/// A port that others hold too.
pub(super) struct Port<T: ?Sized>(pub(super) Arc<T>);

#[async_trait]
impl Publisher for Port<dyn Publisher> {
    fn capabilities(&self) -> &PublisherCapabilities {
        self.0.capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        self.0.publish(batch).await
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.0.flush(deadline).await
    }
}

#[async_trait]
impl Subscriber for Port<dyn Subscriber> {
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.0.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        self.0.open(subscription).await
    }
}

#[async_trait]
impl DeadLetterQueue for Port<dyn DeadLetterQueue> {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.0.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        self.0.bury(letters).await
    }

    fn parking(&self) -> Option<&dyn Parking> {
        self.0.parking()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.0.desk()
    }
}

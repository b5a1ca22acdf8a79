//! Ports behind a shared handle, as the recording wrappers take them.

use std::sync::Arc;

use async_trait::async_trait;
use laneway_domain::{
    DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Flushed, Monotonic, Outgoing,
    Parking, PublishError, Published, Publisher, PublisherCapabilities, Session, StoreError, SubscribeError,
    Subscriber, SubscriberCapabilities, Subscription,
};

/// An adapter's publisher.
pub(crate) struct Down(pub(crate) Arc<dyn Publisher>);

#[async_trait]
impl Publisher for Down {
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

/// An adapter's subscriber.
pub(crate) struct Up(pub(crate) Arc<dyn Subscriber>);

#[async_trait]
impl Subscriber for Up {
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.0.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        self.0.open(subscription).await
    }
}

/// An adapter's dead-letter queue.
pub(crate) struct Aside(pub(crate) Arc<dyn DeadLetterQueue>);

#[async_trait]
impl DeadLetterQueue for Aside {
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

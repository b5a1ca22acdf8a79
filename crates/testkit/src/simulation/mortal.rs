//! Ports and handlers of a process that may die: what crosses them ends with it.

use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, BacklogError, BoxFuture, Cancellation, Checkpoint, Clock, Epoch, Event, Flow, Flushed,
    GroupId, Handler, HandlerContext, HandlerError, Monotonic, Outgoing, PartitionId, PartitionLag,
    PublishError, Published, Publisher, PublisherCapabilities, Resume, RevocationId, Session, SessionEvent,
    SubscribeError, Subscriber, SubscriberCapabilities, Subscription, Timestamp, TopicName,
};

use super::life::{Life, Mortal, living};

/// Something of a process that may die.
pub(super) struct OfLife<T> {
    pub(super) life: Life,
    pub(super) inner: T,
}

#[async_trait]
impl Publisher for OfLife<Arc<dyn Publisher>> {
    fn capabilities(&self) -> &PublisherCapabilities {
        self.inner.capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let inner = self.inner.clone();
        let call: BoxFuture<_> = Box::pin(async move { inner.publish(batch).await });
        // Mortal, not only kept from going on: a process that died waits in no broker's queue.
        let call = self.life.bind(call);
        let answer = std::future::poll_fn(|cx| {
            living(&call).as_mut().map_or(Poll::Pending, |call| call.as_mut().poll(cx))
        });
        self.life.within(answer).await
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.life.within(self.inner.flush(deadline)).await
    }
}

#[async_trait]
impl<S: Subscriber> Subscriber for OfLife<S> {
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.inner.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let session = self.life.within(self.inner.open(subscription)).await?;
        let (life, session) = (self.life.clone(), self.life.bind(session));
        Ok(Box::new(MortalSession { life, session }))
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        self.inner.lag().map(|_| self as &dyn BacklogChecker)
    }
}

#[async_trait]
impl<S: Subscriber> BacklogChecker for OfLife<S> {
    async fn backlog(
        &self,
        group: &GroupId,
        topics: &[TopicName],
    ) -> Result<Vec<PartitionLag>, BacklogError> {
        match self.inner.lag() {
            Some(lag) => self.life.within(lag.backlog(group, topics)).await,
            None => Err(BacklogError::Unavailable { reason: "no lag is told".to_owned(), cause: None }),
        }
    }
}

impl Clock for OfLife<Arc<dyn Clock>> {
    fn wall(&self) -> Timestamp {
        self.inner.wall()
    }

    fn monotonic(&self) -> Monotonic {
        self.inner.monotonic()
    }

    fn wake_at(&self, at: Monotonic) -> BoxFuture<()> {
        let (life, wait) = (self.life.clone(), self.inner.wake_at(at));
        Box::pin(async move { life.within(wait).await })
    }
}

impl<H: Handler> Handler for OfLife<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        self.life.within(self.inner.handle(event, context)).await
    }

    fn cancellation(&self) -> Cancellation {
        self.inner.cancellation()
    }
}

/// A session that is gone once its process is.
struct MortalSession {
    life: Life,
    session: Arc<Mortal<Box<dyn Session>>>,
}

impl MortalSession {
    fn living(&self) -> MutexGuard<'_, Option<Box<dyn Session>>> {
        living(&self.session)
    }
}

impl Session for MortalSession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        if self.life.stands_still(cx) {
            return Poll::Pending;
        }
        self.living().as_mut().map_or(Poll::Pending, |session| session.poll_next(cx))
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        self.living().iter_mut().for_each(|session| session.start(partition, epoch, from));
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        self.living().iter_mut().for_each(|session| session.flow(partition, epoch, flow));
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        if let Some(session) = &mut *self.living() {
            session.commit(checkpoints);
        }
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        if let Some(session) = &mut *self.living() {
            session.release(revocation, last);
        }
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        if let Some(session) = &mut *self.living() {
            session.close(last, deadline);
        }
    }
}

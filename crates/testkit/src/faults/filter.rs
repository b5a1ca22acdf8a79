//! Sessions that are listened to, or changed, on their way through.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_domain::{
    Checkpoint, Epoch, Flow, Monotonic, PartitionId, Resume, RevocationId, Session, SessionEvent,
    SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};

/// What becomes of a session's events and checkpoints; by itself, nothing.
pub trait Filter: Send + 'static {
    /// Takes what the session says, and tells what its user hears instead, in order.
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        heard.push_back(event);
    }

    /// Changes the checkpoints of a commit, a release or a close.
    fn checkpoints(&mut self, checkpoints: Vec<Checkpoint>) -> Vec<Checkpoint> {
        checkpoints
    }
}

/// A subscriber whose sessions pass through a [`Filter`] each.
pub struct FilteredSubscriber<S, M> {
    inner: S,
    make: M,
}

impl<S, M> FilteredSubscriber<S, M> {
    /// Wraps `inner`; `make` makes the filter of a session.
    pub const fn new(inner: S, make: M) -> Self {
        Self { inner, make }
    }
}

#[async_trait]
impl<S, M, F> Subscriber for FilteredSubscriber<S, M>
where
    S: Subscriber,
    M: Fn(&Subscription) -> F + Send + Sync,
    F: Filter,
{
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.inner.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let filter = (self.make)(&subscription);
        let inner = self.inner.open(subscription).await?;
        Ok(Box::new(Filtered { inner, filter, heard: VecDeque::new() }))
    }
}

impl<S: fmt::Debug, M> fmt::Debug for FilteredSubscriber<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilteredSubscriber").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// A session behind a filter.
struct Filtered<F> {
    inner: Box<dyn Session>,
    filter: F,
    heard: VecDeque<SessionEvent>,
}

impl<F: Filter> Session for Filtered<F> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        loop {
            if let Some(event) = self.heard.pop_front() {
                return Poll::Ready(event);
            }
            let event = std::task::ready!(self.inner.poll_next(cx));
            self.filter.said(event, &mut self.heard);
        }
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        self.inner.start(partition, epoch, from);
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        self.inner.flow(partition, epoch, flow);
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.inner.commit(self.filter.checkpoints(checkpoints));
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        self.inner.release(revocation, self.filter.checkpoints(last));
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        self.inner.close(self.filter.checkpoints(last), deadline);
    }
}

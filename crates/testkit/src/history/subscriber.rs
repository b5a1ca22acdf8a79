//! Recording memberships.

use async_trait::async_trait;
use laneway_domain::invariant::{Happening, MemberId};
use laneway_domain::{
    BacklogChecker, Session, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};

use super::recorder::Recorder;
use super::session::RecordedSession;

/// A subscriber whose sessions are recorded.
#[derive(Debug, Clone)]
pub struct RecordedSubscriber<S> {
    inner: S,
    recorder: Recorder,
    member: MemberId,
}

impl<S> RecordedSubscriber<S> {
    /// Records around `inner`, as the subscriber of the bus `member`.
    pub const fn new(inner: S, recorder: Recorder, member: MemberId) -> Self {
        Self { inner, recorder, member }
    }
}

#[async_trait]
impl<S: Subscriber> Subscriber for RecordedSubscriber<S> {
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.inner.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let (group, topics) = (subscription.group.clone(), subscription.topics.clone());
        let session = self.inner.open(subscription).await?;
        let member = self.member;
        self.recorder.record(Happening::Subscribed { member, group: group.clone(), topics: topics.clone() });
        Ok(Box::new(RecordedSession::new(session, self.recorder.clone(), member, group, topics)))
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        self.inner.lag()
    }
}

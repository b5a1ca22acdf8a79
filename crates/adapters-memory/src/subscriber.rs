//! The port up: sessions of the memory broker.

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, Invalid, Session, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
    TopicName,
};

use crate::broker::MemoryBroker;
use crate::session::MemorySession;
use crate::topics::Closed;

/// Topics are made by their first use. The first member that brings a topic into a group decides where the group
/// starts in it; from then on the broker keeps for the group what it has not committed.
///
/// *Checkpoints*: within an epoch the stored point never moves back; one behind it counts as stored, because it says
/// nothing new. A newer epoch may set it anywhere. A point beyond the end of the log, or a state over `state_bytes`, is
/// answered with [`Retry`](laneway_domain::CommitError::Retry) and stores nothing.
#[async_trait]
impl Subscriber for MemoryBroker {
    fn capabilities(&self) -> &SubscriberCapabilities {
        &self.inner.subscriber
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        check(&subscription)?;
        let topics = subscription.topics.iter().map(|name| self.inner.topics.find_or_make(name));
        let topics = topics.collect::<Result<Vec<_>, Closed>>()?;
        let membership = self.inner.groups.join(&topics, &subscription)?;
        let state_bytes = self.inner.config.state_bytes;
        Ok(Box::new(MemorySession::new(membership, &subscription, state_bytes)))
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        Some(self)
    }
}

fn check(subscription: &Subscription) -> Result<(), Invalid> {
    let Subscription { topics, batch_events, batch_bytes, .. } = subscription;
    if topics.is_empty() {
        return Err(Invalid::new("topics", "has at least one topic", "none"));
    }
    if let Some(twice) = topics.iter().enumerate().find_map(|(at, name)| repeated(&topics[..at], name)) {
        return Err(Invalid::new("topics", "names no topic twice", twice));
    }
    for (field, value) in [("batch_events", *batch_events), ("batch_bytes", *batch_bytes)] {
        if value == 0 {
            return Err(Invalid::new(field, "is at least 1", value));
        }
    }
    Ok(())
}

fn repeated<'a>(before: &[TopicName], name: &'a TopicName) -> Option<&'a TopicName> {
    before.contains(name).then_some(name)
}

impl From<Closed> for SubscribeError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

//! The port up from a broker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::backlog::BacklogChecker;
use crate::capability::SubscriberCapabilities;
use crate::error::{Cause, Invalid};
use crate::identity::GroupId;
use crate::session::Session;
use crate::time::Timestamp;
use crate::topic::TopicName;

/// Opens sessions: memberships of consumer groups.
///
/// # Contract
///
/// *Who calls*: the consume loop, once per subscription, and again after a session failed.
///
/// *`Ok`*: the membership is asked for; assignments come as events of the session. A topic that does not exist is an
/// error unless the broker makes topics on first use.
///
/// *Cancel safety*: dropping the future leaves no member behind.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// What this subscriber can do; constant for its life.
    fn capabilities(&self) -> &SubscriberCapabilities;

    /// Joins a group.
    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError>;

    /// Tells how far groups are behind, where the broker can say that.
    fn lag(&self) -> Option<&dyn BacklogChecker> {
        None
    }
}

#[async_trait]
impl<T: Subscriber + ?Sized> Subscriber for Arc<T> {
    fn capabilities(&self) -> &SubscriberCapabilities {
        (**self).capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        (**self).open(subscription).await
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        (**self).lag()
    }
}

/// What a session is opened for.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The group to join.
    pub group: GroupId,
    /// The topics; at least one, none twice.
    pub topics: Vec<TopicName>,
    /// Where a group starts that has no checkpoint.
    pub start: StartFrom,
    /// The most events of a batch; at least 1.
    pub batch_events: usize,
    /// The bytes at which a batch ends; a batch has at least one event whatever its size.
    pub batch_bytes: usize,
    /// How long a revocation waits for what runs.
    pub drain: Duration,
}

/// Where a group starts that has no checkpoint for a partition. The adapter commits that point at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartFrom {
    /// With the oldest event that the broker still has.
    #[default]
    Earliest,
    /// With what is published from now on.
    Latest,
    /// With the first event that was appended at this time or later.
    At(Timestamp),
}

/// Why a session could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// What was asked for breaks a rule; opening again changes nothing.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The topic does not exist.
    #[error("topic `{0}` does not exist; create it first")]
    UnknownTopic(TopicName),
    /// The broker refuses: no authority, wrong password.
    #[error("the broker refuses the subscription: {reason}")]
    Refused {
        /// The broker's words, without secrets.
        reason: String,
    },
    /// The broker cannot be reached now.
    #[error("the broker is unavailable: {reason}")]
    Unavailable {
        /// What was tried.
        reason: String,
        /// The error below.
        #[source]
        cause: Option<Cause>,
    },
    /// The subscriber is closed.
    #[error("the subscriber is closed")]
    Closed,
}

impl SubscribeError {
    /// Whether opening again can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

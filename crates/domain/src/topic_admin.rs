//! The port to topics as things that are made and described.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::error::{Cause, Invalid};
use crate::topic::TopicName;

/// Makes topics and tells what they are.
///
/// # Contract
///
/// *`Ok`*: [`apply`](TopicAdmin::apply) is idempotent, and one at a time per topic however many call. It refuses to
/// change the number of partitions of an ordered topic, because that moves aggregates.
///
/// *Cancel safety*: the future may be dropped; the plan is then applied or not, and may be applied again.
#[async_trait]
pub trait TopicAdmin: Send + Sync {
    /// What the topics are now; `None` for one that does not exist.
    async fn describe(&self, topics: &[TopicName]) -> Result<Vec<Option<TopicState>>, AdminError>;
    /// Brings a topic to what the plan says.
    async fn apply(&self, plan: &TopicPlan) -> Result<Vec<TopicChange>, AdminError>;
}

/// What a topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// The topic.
    pub topic: TopicName,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many copies the broker keeps.
    pub replication: u16,
    /// How long events are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// How many bytes are kept; `None` without limit.
    pub retention_bytes: Option<u64>,
}

/// What a topic should be; what is `None` stays as it is, or takes the broker's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPlan {
    /// The topic.
    pub topic: TopicName,
    /// How many partitions it shall have.
    pub partitions: Option<u32>,
    /// How many copies the broker shall keep.
    pub replication: Option<u16>,
    /// How long events shall be kept.
    pub retention: Option<Duration>,
    /// How many bytes shall be kept.
    pub retention_bytes: Option<u64>,
    /// How far the plan may go.
    pub strategy: TopicStrategy,
}

/// How far a plan may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopicStrategy {
    /// Make what is missing, change nothing.
    CreateOnly,
    /// Make what is missing, change what differs.
    #[default]
    CreateOrUpdate,
    /// Change nothing, report what differs.
    ValidateOnly,
    /// Do nothing.
    Skip,
}

/// What a plan did or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicChange {
    /// The topic was made.
    Created,
    /// A setting was changed.
    Changed {
        /// The setting.
        setting: &'static str,
    },
    /// A setting differs and was left.
    Differs {
        /// The setting.
        setting: &'static str,
        /// What the plan says.
        wanted: String,
        /// What the broker has.
        found: String,
    },
}

/// Why a topic could not be described or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The plan breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The broker refuses.
    #[error("the broker refuses: {reason}")]
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
}

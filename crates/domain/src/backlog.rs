//! The port that tells how far behind a group is.

use async_trait::async_trait;
use thiserror::Error;

use crate::error::Cause;
use crate::identity::GroupId;
use crate::position::PartitionNumber;
use crate::time::Timestamp;
use crate::topic::TopicName;

/// Measures the lag of a group.
///
/// # Contract
///
/// *Who calls*: monitors and operators, for any group, without being a member of it and without disturbing it.
///
/// *`Ok`*: a row for each partition of each topic asked for, as of some instant during the call.
///
/// *Cancel safety*: the future may be dropped; nothing is changed by it.
#[async_trait]
pub trait BacklogChecker: Send + Sync {
    /// The lag of `group` in every partition of `topics`.
    async fn backlog(&self, group: &GroupId, topics: &[TopicName])
    -> Result<Vec<PartitionLag>, BacklogError>;
}

/// How far a group is behind in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLag {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub number: PartitionNumber,
    /// How many events are not committed.
    pub events: u64,
    /// Whether `events` is exact; else it is an upper bound, because positions have gaps.
    pub exact: bool,
    /// When the broker took the oldest event that is not committed.
    pub oldest: Option<Timestamp>,
    /// When the broker took the oldest event that it still has.
    pub oldest_retained: Option<Timestamp>,
    /// Whether a member of the group owns the partition now.
    pub owned: bool,
}

/// Why the lag could not be told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BacklogError {
    /// The topic does not exist.
    #[error("topic `{0}` does not exist")]
    UnknownTopic(TopicName),
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

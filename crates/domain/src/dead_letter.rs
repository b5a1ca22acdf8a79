//! The port to where events go that cannot be handled.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::aggregate::AggregateKey;
use crate::capability::DeadLetterCapabilities;
use crate::desk::DeadLetterDesk;
use crate::handler_mask::HandlerMask;
use crate::identity::GroupId;
use crate::parking::Parking;
use crate::position::{PartitionNumber, Position};
use crate::record::Body;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::topic::TopicName;

/// Keeps dead letters.
///
/// # Contract
///
/// *Who calls*: the consume loop, before the event's position counts as finished.
///
/// *`Ok`*: the entry is durable, as far as the store is. Result `i` belongs to letter `i`.
///
/// *Duplicates*: an entry is identified by [`LetterId`]; burying the same again leaves one entry as readers see it.
///
/// *Cancel safety*: the future may be dropped; the effect is then unknown and is settled by burying again.
#[async_trait]
pub trait DeadLetterQueue: Send + Sync {
    /// What this queue can do; constant for its life.
    fn capabilities(&self) -> DeadLetterCapabilities;
    /// Stores letters; a result per letter.
    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>>;
    /// The parking store behind it, where the queue can hold followers of a dead letter in order.
    fn parking(&self) -> Option<&dyn Parking> {
        None
    }
    /// The operators' side, where entries can be listed.
    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        None
    }
}

#[async_trait]
impl<T: DeadLetterQueue + ?Sized> DeadLetterQueue for Arc<T> {
    fn capabilities(&self) -> DeadLetterCapabilities {
        (**self).capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        (**self).bury(letters).await
    }

    fn parking(&self) -> Option<&dyn Parking> {
        (**self).parking()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        (**self).desk()
    }
}

/// What identifies an entry: where the event stood, and for which group it died.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId {
    /// The group.
    pub group: GroupId,
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: PartitionNumber,
    /// The position.
    pub position: Position,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, topic, partition, position } = self;
        write!(f, "position {position} of {topic}/{partition} in group {group}")
    }
}

/// An event that could not be handled, as it came, and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its identity.
    pub id: LetterId,
    /// The lane that it belongs to, where it has one.
    pub key: Option<AggregateKey>,
    /// When the broker took the event.
    pub appended: Timestamp,
    /// The event, byte for byte.
    pub original: Body,
    /// What happened to it.
    pub death: Death,
}

/// How an event died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Why.
    pub cause: DeathCause,
    /// The messages of the last error and its sources, outermost first.
    pub errors: Vec<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the first attempt failed.
    pub first_failed: Timestamp,
    /// When the last attempt failed.
    pub last_failed: Timestamp,
    /// The handlers that it is still due for: those that have handled it are not asked again when it is redriven.
    pub handlers: HandlerMask,
}

/// Why an event died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeathCause {
    /// Every attempt that the policy allows failed.
    Exhausted,
    /// The failure was of a kind that trying again does not help.
    Fatal,
    /// The record does not decode.
    Undecodable,
    /// It was alone when the process crashed, too often.
    Crashes,
}

/// What becomes of the events behind a dead letter of the same aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AfterDeadLetter {
    /// They are handled.
    #[default]
    Skip,
    /// They wait; so does the partition's committed position. A restart tries the dead one again.
    Block,
    /// They wait in the dead-letter store, behind the dead one and in order, until somebody redrives them. Needs a store
    /// that parks.
    Park,
}

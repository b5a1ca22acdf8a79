//! Which event, and where it stands.

use std::fmt;

use super::digest::Digest;
use super::terms::{MemberId, RunId};
use crate::aggregate::AggregateKey;
use crate::dead_letter::LetterId;
use crate::envelope::Envelope;
use crate::handler::Cancellation;
use crate::identity::EventId;
use crate::parking::Scope;
use crate::position::Position;
use crate::topic::TopicName;

/// A position as one group sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The partition, for its group.
    pub scope: Scope,
    /// The position.
    pub position: Position,
}

impl From<LetterId> for Place {
    fn from(id: LetterId) -> Self {
        let LetterId { group, topic, partition, position } = id;
        Self { scope: Scope { group, topic, partition }, position }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope { group, topic, partition } = &self.scope;
        write!(f, "{topic}/{partition}@{} of group {group}", self.position)
    }
}

/// An event as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its id; none where it came without one.
    pub id: Option<EventId>,
    /// Its topic.
    pub topic: TopicName,
    /// Its aggregate, where it has one.
    pub key: Option<AggregateKey>,
    /// All that it says.
    pub digest: Digest,
}

impl From<&Envelope> for Sighting {
    fn from(envelope: &Envelope) -> Self {
        Self {
            id: envelope.id(),
            topic: envelope.topic().clone(),
            key: envelope.key(),
            digest: Digest::of_envelope(envelope),
        }
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "event {id}")?,
            None => f.write_str("an event without an id")?,
        }
        match &self.key {
            Some(key) => write!(f, " of {key}"),
            None => write!(f, " of {}", self.topic),
        }
    }
}

/// A handler's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The run.
    pub run: RunId,
    /// The bus that runs it.
    pub member: MemberId,
    /// Where the event stands.
    pub place: Place,
    /// The event.
    pub event: Sighting,
    /// Which try the handler was told, from 1.
    pub attempt: u32,
    /// Whether dropping the run's future ends it.
    pub cancellation: Cancellation,
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.event, self.place)
    }
}

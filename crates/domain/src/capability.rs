//! What an adapter can do, as values; what it cannot is refused once, above it.

use std::borrow::Cow;
use std::fmt;

/// What a publisher can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublisherCapabilities {
    /// The largest payload plus headers that it takes, in bytes.
    pub max_bytes: usize,
    /// Whether an acknowledged event survives the death of the process that holds it.
    pub durable: bool,
    /// Whether a second publish of one event id within the broker's window is stored once.
    pub deduplicates: bool,
    /// Whether the failure of one event means that none after it of the same key was appended in that call.
    pub ordered_prefix: bool,
}

/// What a subscriber can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberCapabilities {
    /// Whether several members of one group share the partitions of a topic.
    pub partitions: bool,
    /// How many bytes of state a checkpoint carries; 0 where it carries none.
    pub state_bytes: usize,
    /// Whether sessions send `MayStart`, because a frozen owner could wake behind a new one.
    pub fences: bool,
    /// Whether a new group can read what was published before it existed.
    pub replays: bool,
}

/// What a dead-letter queue can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterCapabilities {
    /// Whether entries can be listed.
    pub lists: bool,
    /// Whether entries can be redriven.
    pub redrives: bool,
    /// Whether followers of a dead letter can wait in it, in order.
    pub parks: bool,
}

/// Something was asked for that the adapter cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    asked: Cow<'static, str>,
    lacking: &'static str,
}

impl Unsupported {
    /// Says that `asked` needs a capability called `lacking`.
    #[must_use]
    pub fn new(asked: impl Into<Cow<'static, str>>, lacking: &'static str) -> Self {
        Self { asked: asked.into(), lacking }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs an adapter that {}, and this one does not", self.asked, self.lacking)
    }
}

impl std::error::Error for Unsupported {}

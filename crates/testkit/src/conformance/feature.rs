//! What scenarios depend on.

use std::fmt;

use super::factory::Capabilities;

/// A capability that some scenario cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Several members of a group share a topic.
    Partitions,
    /// Checkpoints carry state.
    State,
    /// A new group reads what was published before it.
    Replays,
    /// Dead letters can be listed.
    Lists,
    /// Followers of a dead letter wait in the dead-letter store.
    Parks,
    /// The lag of groups is told.
    Backlog,
    /// Publishing waits for room.
    WaitsWhenFull,
    /// The broker deletes events on request.
    Trims,
    /// The broker expels a group on request.
    Expels,
    /// The broker has positions that hold nothing deliverable, on request.
    Pads,
    /// The connection breaks, and comes back, on request.
    Disconnects,
    /// Handlers start only by permission.
    Fences,
}

impl Feature {
    /// Whether an adapter has it.
    #[must_use]
    pub fn is_in(self, capabilities: &Capabilities) -> bool {
        match self {
            Self::Partitions => capabilities.subscriber.partitions,
            Self::State => capabilities.subscriber.state_bytes > 0,
            Self::Replays => capabilities.subscriber.replays,
            Self::Lists => capabilities.dead_letters.lists,
            Self::Parks => capabilities.dead_letters.parks,
            Self::Backlog => capabilities.backlog,
            Self::WaitsWhenFull => capabilities.waits_when_full,
            Self::Trims => capabilities.trims,
            Self::Expels => capabilities.expels,
            Self::Pads => capabilities.pads,
            Self::Disconnects => capabilities.disconnects,
            Self::Fences => capabilities.fences,
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Partitions => "shares a topic among members (`SubscriberCapabilities::partitions`)",
            Self::State => "carries state in checkpoints (`SubscriberCapabilities::state_bytes`)",
            Self::Replays => "replays for new groups (`SubscriberCapabilities::replays`)",
            Self::Lists => "lists dead letters (`DeadLetterCapabilities::lists`)",
            Self::Parks => "holds followers of a dead letter (`DeadLetterCapabilities::parks`)",
            Self::Backlog => "tells the lag of groups (`Capabilities::backlog`)",
            Self::WaitsWhenFull => "makes publishing wait for room (`Capabilities::waits_when_full`)",
            Self::Trims => "deletes events on request (`Capabilities::trims`)",
            Self::Expels => "expels a group on request (`Capabilities::expels`)",
            Self::Pads => "puts what no reader gets into partitions on request (`Capabilities::pads`)",
            Self::Disconnects => "loses its connection on request (`Capabilities::disconnects`)",
            Self::Fences => "says until when handlers may start (`Capabilities::fences`)",
        })
    }
}

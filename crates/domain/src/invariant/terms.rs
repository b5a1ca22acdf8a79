//! The words that happenings use: who, how it ended, beside what, in which mode.

use crate::handler::ErrorClass;

/// One bus: the scope of exclusion. Sessions that it opens one after the other belong to the same member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u32);

/// One call of a handler; never used twice in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// How a handler's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It handled the event.
    Done,
    /// It failed; with the class, where it gave one.
    Failed(Option<ErrorClass>),
    /// It panicked.
    Panicked,
    /// Its future was dropped: its time was up, its partition went away, or its process crashed.
    Dropped,
}

/// What a rate was measured beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Load {
    /// Nothing: the rate that others are compared with.
    Undisturbed,
    /// Events of other aggregates that back off.
    BesideRetries,
    /// A lane that hangs.
    BesideHang,
}

/// What a connection leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// The broker.
    Broker,
    /// The database.
    Database,
}

/// How a subscription treats its backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RecoveryMode {
    /// No backlog to speak of.
    #[default]
    Normal,
    /// Works a backlog off.
    Recovering,
    /// The backlog is gone; what started while recovering ends.
    Draining,
}

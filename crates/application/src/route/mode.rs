//! What is kept in order.

/// What a subscription keeps in order. Whatever it is, the events of one lane never run at once, and a failed one holds
/// back only its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OrderingMode {
    /// The events of one aggregate; events without an aggregate have no order.
    #[default]
    PerAggregate,
    /// All events of one partition, one at a time: as a plain consumer does. Operators see the partition as one aggregate
    /// called `partition-<number>`.
    PerPartition,
    /// Nothing: events run as they come, also those of one aggregate, at once. For handlers whose effects commute.
    Unordered,
    /// The events of one aggregate while the subscription recovers, and nothing in normal times: a backlog may hold hours of an
    /// aggregate's history, which live events come without. What was read while recovering stays in order until it is handled; what
    /// was read in normal times is in order with nothing, also across a switch. An aggregate that was parked while recovering keeps its
    /// followers behind it in normal times too; while an event read in normal times is not through, its aggregate is not parked
    /// but goes on behind a dead letter. Without recovery options: as `Unordered`.
    OrderedWhileRecovering,
}

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
}

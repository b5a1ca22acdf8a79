//! How large a batch becomes, and how long it gathers.

use std::time::Duration;

use laneway_domain::Invalid;

use crate::consume::SubscriptionOptions;

/// When a batch is handed to its handler: at `size` events, or when its oldest has waited `max_wait`.
///
/// A batch holds only events that are in flight. A size above the subscription's `max_in_flight` is legal, and never
/// reached: such batches go when their time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// The most events of a batch. Default 100: there the cost of a statement's round trip no longer shows in the cost
    /// of a row.
    pub size: usize,
    /// How long the oldest event waits for others. Default 50 ms: little beside the work that is worth a batch. It
    /// counts into the event's processing time, and into the drain of a partition that is given up.
    pub max_wait: Duration,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { size: 100, max_wait: Duration::from_millis(50) }
    }
}

impl BatchOptions {
    /// The most events that a batch may be asked to have.
    pub const MAX_SIZE: usize = 65_536;

    /// Every rule that the settings break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        if !(1..=Self::MAX_SIZE).contains(&self.size) {
            faults.push(Invalid::new("batch.size", "lies between 1 and 65536", self.size));
        }
        let day = Duration::from_secs(24 * 3_600);
        if self.max_wait.is_zero() || self.max_wait > day {
            let found = format!("{:?}", self.max_wait);
            faults.push(Invalid::new("batch.max_wait", "lies between 1ns and 24h", found));
        }
        faults
    }

    /// Every rule that the settings break in a subscription with these options.
    #[must_use]
    pub fn faults_in(&self, subscription: &SubscriptionOptions) -> Vec<Invalid> {
        let mut faults = self.faults();
        if self.max_wait >= subscription.processing_timeout {
            let limit = subscription.processing_timeout;
            let rule = format!(
                "is shorter than processing_timeout, which is {limit:?}: an event's wait counts into its time"
            );
            faults.push(Invalid::new("batch.max_wait", rule, format!("{:?}", self.max_wait)));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::{GroupId, TopicName};

    #[test]
    fn a_batch_of_nothing_and_a_wait_of_nothing_are_refused_together() {
        let none = BatchOptions { size: 0, max_wait: Duration::ZERO };
        let faults = none.faults();
        let fields: Vec<_> = faults.iter().map(Invalid::field).collect();
        assert_eq!(fields, ["batch.size", "batch.max_wait"]);
        let huge = BatchOptions { size: usize::MAX, max_wait: Duration::MAX };
        assert_eq!(huge.faults().len(), 2);
        assert!(BatchOptions::default().faults().is_empty());
    }

    #[test]
    fn a_wait_that_outlasts_the_processing_time_is_refused() {
        let (group, topic) = (GroupId::new("g").unwrap(), TopicName::new("t").unwrap());
        let subscription = SubscriptionOptions::new(group, [topic]);
        let slow = BatchOptions { max_wait: subscription.processing_timeout, ..BatchOptions::default() };
        assert!(slow.faults().is_empty());
        assert_eq!(slow.faults_in(&subscription)[0].field(), "batch.max_wait");
        assert!(BatchOptions::default().faults_in(&subscription).is_empty());
    }
}

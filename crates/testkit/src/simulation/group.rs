//! A consumer group of a scenario.

use std::time::Duration;

use laneway_application::consume::SubscriptionOptions;
use laneway_application::policy::{CommitPolicy, CreditLimits, RetryPolicy};
use laneway_domain::{AfterDeadLetter, Cancellation, GroupId, TopicName};

use super::behaviour::Temper;
use super::chance::Chance;

/// A consumer group of a scenario: how many members it begins with, their settings, and how its handlers behave.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPlan {
    /// The members that it begins with.
    pub members: usize,
    /// Whether dropping a handler's future ends its work.
    pub cancellation: Cancellation,
    /// How its handlers behave.
    pub temper: Temper,
    /// The workers of a member.
    pub workers: usize,
    /// Handlers that run at once in a member.
    pub max_in_flight: usize,
    /// The time an attempt may take.
    pub processing_timeout: Duration,
    /// When and how often failures are tried again.
    pub retry: RetryPolicy,
    /// What becomes of an aggregate behind a dead letter.
    pub after_dead_letter: AfterDeadLetter,
    /// How much may be open.
    pub buffer: CreditLimits,
    /// Events that queue in one lane before its partition holds back.
    pub lane_capacity: usize,
    /// When to commit.
    pub commit: CommitPolicy,
    /// The most events of one read.
    pub batch_events: usize,
    /// How long running handlers may go on when their partition is taken away.
    pub drain: Duration,
    /// Decides jitter and the spread of lanes.
    pub seed: u64,
}

impl GroupPlan {
    pub(super) fn draw(chance: &mut Chance, after_dead_letter: AfterDeadLetter) -> Self {
        let finishes = chance.percent(30);
        // What blocks fills a narrow buffer, and then nothing behind it is read: so it is meant, and says nothing here.
        let blocks = after_dead_letter == AfterDeadLetter::Block;
        let (buffer, lane_capacity) = (buffer(chance), chance.between(1..=8));
        Self {
            members: chance.between(1..=3),
            cancellation: if finishes { Cancellation::Finish } else { Cancellation::Drop },
            temper: Temper::draw(chance),
            workers: chance.between(1..=3),
            max_in_flight: chance.between(1..=8),
            processing_timeout: chance.millis(30..=1_500),
            retry: retry(chance),
            after_dead_letter,
            buffer: if blocks { CreditLimits::default() } else { buffer },
            lane_capacity: if blocks { 1_000 } else { lane_capacity },
            commit: commit(chance),
            batch_events: chance.between(1..=20),
            drain: chance.millis(20..=1_000),
            seed: chance.seed(),
        }
    }

    /// A member's settings.
    #[must_use]
    pub fn options(&self, group: GroupId, topics: &[TopicName]) -> SubscriptionOptions {
        SubscriptionOptions {
            workers: self.workers,
            max_in_flight: self.max_in_flight,
            processing_timeout: self.processing_timeout,
            retry: self.retry,
            after_dead_letter: Some(self.after_dead_letter),
            buffer: self.buffer,
            lane_capacity: self.lane_capacity,
            commit: self.commit,
            batch_events: self.batch_events,
            drain: self.drain,
            seed: Some(self.seed),
            ..SubscriptionOptions::new(group, topics.iter().cloned())
        }
    }

    /// The most events that a member with so many partitions may ever have open: its limits, and what a closed flow
    /// may still deliver.
    #[must_use]
    pub fn most_open(&self, partitions: usize) -> usize {
        let over = 2 * self.batch_events;
        let each = self.buffer.partition_events + over;
        (each * partitions).min(self.buffer.events + over * partitions)
    }
}

fn retry(chance: &mut Chance) -> RetryPolicy {
    let initial_interval = chance.millis(1..=100);
    RetryPolicy {
        max_retries: u32::try_from(chance.between(0..=4)).unwrap_or(0),
        initial_interval,
        max_interval: initial_interval + chance.millis(0..=800),
        multiplier: 2.0,
        jitter: if chance.percent(50) { 0.2 } else { 0.0 },
    }
}

fn buffer(chance: &mut Chance) -> CreditLimits {
    let wide = chance.percent(30);
    CreditLimits {
        partition_events: chance.between(1..=if wide { 500 } else { 24 }),
        partition_bytes: chance.between(1..=if wide { 100_000 } else { 2_000 }),
        events: chance.between(1..=if wide { 1_000 } else { 48 }),
        bytes: chance.between(1..=if wide { 100_000 } else { 4_000 }),
        lanes: chance.between(1..=if wide { 100 } else { 12 }),
    }
}

fn commit(chance: &mut Chance) -> CommitPolicy {
    CommitPolicy { interval: chance.millis(1..=300), events: chance.between(1..=40) }
}

//! A consumer group of a scenario.

use std::time::Duration;

use laneway_application::consume::{OnCrash, SubscriptionOptions};
use laneway_application::policy::{BreakerPolicy, CommitPolicy, CreditLimits, FlowLimits, RetryPolicy};
use laneway_application::route::{OrderingMode, Routed, Router};
use laneway_domain::{AfterDeadLetter, Cancellation, GroupId, TopicName};

use super::behaviour::Temper;
use super::chance::{Chance, mix};
use super::flow;
use super::modes::ModePlan;

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
    /// When starting stops because attempts fail.
    pub breaker: Option<BreakerPolicy>,
    /// What becomes of an aggregate behind a dead letter.
    pub after_dead_letter: AfterDeadLetter,
    /// The longest that a failed event waits in memory.
    pub hold: Duration,
    /// How often operators' wishes are asked for.
    pub redrive_poll: Duration,
    /// How long the dead-letter store may take for an answer.
    pub store_timeout: Duration,
    /// Whether it reads what handlers publish, instead of what publishers do.
    pub reads_side: bool,
    /// Into how many lanes its router merges the aggregates of each topic and tenant; every aggregate has one of its own
    /// where nothing is said.
    pub merges: Option<u8>,
    /// How much may be open.
    pub buffer: CreditLimits,
    /// Events that queue in one lane before its partition holds back.
    pub lane_capacity: usize,
    /// How often handlers may start.
    pub flow: FlowLimits,
    /// Whether events are named before they start where their processes crash: what waits for that has its token already, so
    /// nothing is said of rates then.
    pub probation: bool,
    /// When to commit.
    pub commit: CommitPolicy,
    /// The most events of one read.
    pub batch_events: usize,
    /// How long running handlers may go on when their partition is taken away.
    pub drain: Duration,
    /// Decides jitter and the spread of lanes.
    pub seed: u64,
    /// How members recover from a backlog; not at all where nothing is said.
    pub modes: Option<ModePlan>,
    /// What is kept in order.
    pub ordering: OrderingMode,
}

/// Longer than any wait between two attempts.
const HOLD: Duration = Duration::from_secs(60);

impl GroupPlan {
    pub(super) fn draw(chance: &mut Chance, after_dead_letter: AfterDeadLetter) -> Self {
        let finishes = chance.percent(30);
        // What blocks fills a narrow buffer, and then nothing behind it is read: so it is meant, and says less here.
        let wide = after_dead_letter == AfterDeadLetter::Block && chance.percent(60);
        let (buffer, lane_capacity) = (buffer(chance), chance.between(1..=8));
        let blocks = after_dead_letter == AfterDeadLetter::Block;
        let merges = chance.percent(12).then(|| u8::try_from(chance.between(1..=4)).unwrap_or(1));
        let after = if !blocks && chance.percent(50) { AfterDeadLetter::Park } else { after_dead_letter };
        // What a store holds blocks nothing.
        let short = !blocks && chance.percent(40);
        let mut plan = Self {
            members: chance.between(1..=3),
            cancellation: if finishes { Cancellation::Finish } else { Cancellation::Drop },
            temper: Temper::draw(chance),
            workers: chance.between(1..=3),
            max_in_flight: chance.between(1..=8),
            processing_timeout: chance.millis(30..=1_500),
            retry: retry(chance),
            breaker: None,
            after_dead_letter: after,
            hold: if short { chance.millis(1..=200) } else { HOLD },
            redrive_poll: chance.millis(20..=2_000),
            store_timeout: chance.millis(50..=10_000),
            reads_side: false,
            merges,
            buffer: if wide { CreditLimits::default() } else { buffer },
            lane_capacity: if wide || merges.is_some() { 1_000 } else { lane_capacity },
            commit: commit(chance),
            batch_events: chance.between(1..=20),
            drain: chance.millis(20..=1_000),
            seed: chance.seed(),
            flow: FlowLimits::default(),
            probation: true,
            modes: None,
            ordering: OrderingMode::PerAggregate,
        };
        // By chance of its own, so that known seeds keep the rest of their scenarios.
        plan.flow = flow::draw(&mut Chance::new(mix(plan.seed)));
        let limited = !plan.flow.is_empty() && plan.temper.kills == 0;
        plan.probation = !limited || Chance::new(plan.seed ^ 0x18).percent(50);
        plan.modes = ModePlan::draw(plan.seed, plan.max_in_flight);
        if plan.modes.is_some() && Chance::new(plan.seed ^ 0x24).percent(40) {
            plan.ordering = OrderingMode::OrderedWhileRecovering;
        }
        plan.breaker = breaker(plan.seed);
        if plan.breaker.is_some() {
            // An event that always fails, and alone, is not told from something that is down.
            plan.temper.poison = 0;
        }
        plan
    }

    /// A group that reads what handlers publish, and publishes nothing itself.
    pub(super) fn draw_side(chance: &mut Chance, after_dead_letter: AfterDeadLetter) -> Self {
        let mut plan = Self::draw(chance, after_dead_letter);
        plan.reads_side = true;
        plan.temper.publishes = 0;
        plan
    }

    /// Into which lane of its topic and tenant an event of this aggregate is merged.
    pub(super) fn merged(&self, aggregate: Option<&str>) -> Option<String> {
        self.merges.map(|lanes| lane(aggregate, lanes))
    }

    /// Whether a dead letter may keep a member from reading on.
    pub(super) fn may_stall(&self) -> bool {
        let narrow = self.buffer != CreditLimits::default() || self.merges.is_some();
        self.after_dead_letter == AfterDeadLetter::Block && narrow
    }

    /// Whether events may wait beside a lane that another partition has parked, until somebody clears that.
    pub(super) fn may_keep_aside(&self) -> bool {
        let parks = self.after_dead_letter == AfterDeadLetter::Park || self.hold < HOLD;
        parks && self.merges.is_some()
    }

    /// Whether it keeps aggregates in order at all times.
    pub(super) fn is_in_order(&self) -> bool {
        self.ordering == OrderingMode::PerAggregate
    }

    /// A member's settings.
    #[must_use]
    pub fn options(&self, group: GroupId, topics: &[TopicName]) -> SubscriptionOptions {
        SubscriptionOptions {
            workers: self.workers,
            max_in_flight: self.max_in_flight,
            processing_timeout: self.processing_timeout,
            retry: self.retry,
            breaker: self.breaker,
            after_dead_letter: Some(self.after_dead_letter),
            hold: self.hold,
            redrive_poll: self.redrive_poll,
            store_timeout: self.store_timeout,
            buffer: self.buffer,
            lane_capacity: self.lane_capacity,
            flow: self.flow.clone(),
            commit: self.commit,
            batch_events: self.batch_events,
            drain: self.drain,
            router: self.router(),
            ordering: self.ordering,
            crashes: if self.probation { OnCrash::default() } else { OnCrash::Ignore },
            seed: Some(self.seed),
            ..SubscriptionOptions::new(group, topics.iter().cloned())
        }
    }

    fn router(&self) -> Router {
        let Some(lanes) = self.merges else { return Router::new() };
        Router::new().by(move |event| Routed::Lane(lane(event.aggregate, lanes).into()))
    }

    /// The most events that a member with so many partitions may ever have open: its limits, and what a closed flow
    /// may still deliver.
    #[must_use]
    pub fn most_open(&self, partitions: usize) -> usize {
        let over = 2 * self.batch_events;
        let factor = self.modes.map_or(1, |modes| modes.fetch_factor);
        let each = self.buffer.partition_events * factor + over;
        (each * partitions).min(self.buffer.events * factor + over * partitions)
    }

    /// The most bytes of them, where no event is larger than `event`.
    #[must_use]
    pub fn most_open_bytes(&self, partitions: usize, event: usize) -> usize {
        let over = 2 * self.batch_events * event;
        let factor = self.modes.map_or(1, |modes| modes.fetch_factor);
        let each = self.buffer.partition_bytes * factor + over;
        (each * partitions).min(self.buffer.bytes * factor + over * partitions)
    }
}

fn lane(aggregate: Option<&str>, lanes: u8) -> String {
    let sum = aggregate.unwrap_or_default().bytes().fold(0u8, u8::wrapping_add);
    format!("m{}", sum % lanes.max(1))
}

fn breaker(seed: u64) -> Option<BreakerPolicy> {
    let chance = &mut Chance::new(seed);
    let least = u32::try_from(chance.between(1..=6)).unwrap_or(1);
    let policy = BreakerPolicy {
        share: 0.1 + chance.rate(0.8),
        least,
        events: least + 10,
        window: chance.millis(50..=2_000),
        first_wait: chance.millis(1..=200),
        longest_wait: chance.millis(200..=1_000),
        multiplier: 2.0,
        probes: u32::try_from(chance.between(1..=3)).unwrap_or(1),
    };
    chance.percent(20).then_some(policy)
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

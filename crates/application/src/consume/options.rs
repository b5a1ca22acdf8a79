//! What a subscription is asked to be, and the check of it.

use std::sync::Arc;
use std::time::Duration;

use laneway_domain::{AfterDeadLetter, Codec, GroupId, Invalid, StartFrom, TopicName, Unsupported};
use thiserror::Error;

use super::hooks::Hooks;
use crate::backlog::WatchdogOptions;
use crate::policy::{
    BreakerPolicy, Classifier, CommitPolicy, CreditLimits, FlowLimits, Marks, ProbationPolicy, RetryPolicy,
};
use crate::recovery::{Priority, RecoveryOptions};
use crate::route::{OrderingMode, Router};

/// A subscription's settings: plain data, checked when subscribing.
#[derive(Debug, Clone)]
pub struct SubscriptionOptions {
    /// The consumer group.
    pub group: GroupId,
    /// The topics.
    pub topics: Vec<TopicName>,
    /// Where a new group starts. Default: with the oldest event.
    pub start: StartFrom,
    /// Handlers that run at once. Default 256: enough to hide a database's latency, few enough for its connections.
    pub max_in_flight: usize,
    /// Workers; lanes are spread over them by hash. Default: one a core.
    pub workers: usize,
    /// The time an attempt may take. Default 30 s.
    pub processing_timeout: Duration,
    /// When and how often failures are tried again.
    pub retry: RetryPolicy,
    /// When starting stops because most attempts fail, and attempts no longer count. Default: never.
    pub breaker: Option<BreakerPolicy>,
    /// What becomes of an aggregate behind a dead letter. Default: it is parked where the dead-letter store can do that, and
    /// goes on where it cannot.
    pub after_dead_letter: Option<AfterDeadLetter>,
    /// The longest that a failed event waits in memory for its next attempt; one that has to wait longer goes to the
    /// dead-letter store until it is due, with what queues behind it. Default 60 s.
    pub hold: Duration,
    /// How often operators' wishes are asked for. Default 1 s.
    pub redrive_poll: Duration,
    /// How long the dead-letter store may take for an answer about what is parked. Default 10 s.
    pub store_timeout: Duration,
    /// How much may be open.
    pub buffer: CreditLimits,
    /// Events that queue in one lane before its partition holds back. Default 1,024. Soft: what was read already still
    /// queues; the hard bound is `buffer`.
    pub lane_capacity: usize,
    /// How often handlers may start, for all events and for those of one tenant. Default: as often as there is work. Tenants
    /// take turns with and without limits.
    pub flow: FlowLimits,
    /// When to commit.
    pub commit: CommitPolicy,
    /// The most events of one read. Default 512.
    pub batch_events: usize,
    /// The bytes at which a read ends. Default 1 MiB.
    pub batch_bytes: usize,
    /// How long running handlers may go on when their partition is taken away. Default 3 s.
    pub drain: Duration,
    /// How an event that kills its process is found. Default: by probation where checkpoints can carry what that needs,
    /// because such an event otherwise crashes every process that it comes to, for ever.
    pub crashes: OnCrash,
    /// What is kept in order. Default: the events of one aggregate.
    pub ordering: OrderingMode,
    /// What to do about a backlog. Default: nothing. The broker has to tell lags.
    pub recovery: Option<RecoveryOptions>,
    /// What to do about a standstill. Default: nothing.
    pub watchdog: Option<WatchdogOptions>,
    /// Whether to give way while others of the bus recover. Default: no.
    pub priority: Priority,
    /// Which aggregate an event belongs to.
    pub router: Router,
    /// Which failures are worth another attempt.
    pub classifier: Classifier,
    /// What to call as things happen.
    pub hooks: Hooks,
    /// Reads records, where the broker does not pass envelopes.
    pub codec: Option<Arc<dyn Codec>>,
    /// Decides jitter and the spread of lanes; by chance unless set, so that nobody can aim at one worker.
    pub seed: Option<u64>,
}

impl SubscriptionOptions {
    /// A subscription of `group` to `topics` with the defaults.
    pub fn new(group: GroupId, topics: impl IntoIterator<Item = TopicName>) -> Self {
        Self {
            group,
            topics: topics.into_iter().collect(),
            start: StartFrom::default(),
            max_in_flight: 256,
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processing_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            breaker: None,
            after_dead_letter: None,
            hold: Duration::from_secs(60),
            redrive_poll: Duration::from_secs(1),
            store_timeout: Duration::from_secs(10),
            buffer: CreditLimits::default(),
            lane_capacity: 1_024,
            flow: FlowLimits::default(),
            commit: CommitPolicy::default(),
            batch_events: 512,
            batch_bytes: 1 << 20,
            drain: Duration::from_secs(3),
            crashes: OnCrash::default(),
            ordering: OrderingMode::default(),
            recovery: None,
            watchdog: None,
            priority: Priority::default(),
            router: Router::default(),
            classifier: Classifier::default(),
            hooks: Hooks::default(),
            codec: None,
            seed: None,
        }
    }

    /// Every rule that the settings break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = self.count_faults();
        faults.extend(self.time_faults());
        faults.extend(self.topic_faults());
        faults.extend(self.retry.faults());
        faults.extend(self.breaker.iter().flat_map(BreakerPolicy::faults));
        faults.extend(self.buffer.faults());
        faults.extend(self.commit.faults());
        faults.extend(self.crashes.faults());
        faults.extend(self.flow_faults());
        faults.extend(self.backlog_faults());
        faults
    }

    fn flow_faults(&self) -> Vec<Invalid> {
        let mut faults = self.flow.faults();
        if self.ordering == OrderingMode::PerPartition && self.flow.by_tenant() {
            let rule = "limits no tenants where a partition is one lane: leave them out, or choose another `ordering`";
            faults.push(Invalid::new("flow.tenant", rule, "PerPartition"));
        }
        faults
    }

    fn backlog_faults(&self) -> Vec<Invalid> {
        let recovery = self.recovery.iter().flat_map(|recovery| recovery.faults(self.max_in_flight));
        let mut faults: Vec<Invalid> = recovery.collect();
        faults.extend(self.watchdog.iter().flat_map(WatchdogOptions::faults));
        if let Priority::Low(pause) = self.priority {
            faults.extend(pause.faults());
        }
        faults
    }

    /// What becomes of an aggregate behind a dead letter, with a store that parks or one that does not.
    pub(crate) fn after(&self, parks: bool) -> Result<AfterDeadLetter, Unsupported> {
        if parks {
            return Ok(self.after_dead_letter.unwrap_or(AfterDeadLetter::Park));
        }
        if self.after_dead_letter == Some(AfterDeadLetter::Park) {
            return Err(Unsupported::new("`after_dead_letter: Park`", "holds followers of a dead letter"));
        }
        if self.retry.max_interval > self.hold {
            let (longest, hold) = (self.retry.max_interval, self.hold);
            let asked = format!("`retry.max_interval` of {longest:?} above `hold`, which is {hold:?},");
            return Err(Unsupported::new(asked, "holds followers of a dead letter"));
        }
        Ok(self.after_dead_letter.unwrap_or(AfterDeadLetter::Skip))
    }

    fn count_faults(&self) -> Vec<Invalid> {
        let ranges = [
            ("max_in_flight", self.max_in_flight, 1, 1_000_000),
            ("workers", self.workers, 1, 1_024),
            ("lane_capacity", self.lane_capacity, 1, 1 << 30),
            ("batch_events", self.batch_events, 1, 65_536),
            ("batch_bytes", self.batch_bytes, 1, 1 << 30),
        ];
        let wrong = ranges.into_iter().filter(|(_, value, least, most)| !(least..=most).contains(&value));
        let said = |(field, value, least, most)| {
            Invalid::new(field, format!("lies between {least} and {most}"), value)
        };
        wrong.map(said).collect()
    }

    fn time_faults(&self) -> Vec<Invalid> {
        let day = Duration::from_secs(24 * 3_600);
        let times = [
            ("processing_timeout", self.processing_timeout, day),
            ("drain", self.drain, day),
            ("hold", self.hold, day),
            ("redrive_poll", self.redrive_poll, day),
            ("store_timeout", self.store_timeout, day),
        ];
        let wrong = times.into_iter().filter(|(_, value, most)| value.is_zero() || value > most);
        wrong
            .map(|(field, value, _)| Invalid::new(field, "lies between 1ns and 24h", format!("{value:?}")))
            .collect()
    }

    fn topic_faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        if self.topics.is_empty() {
            faults.push(Invalid::new("topics", "names at least one topic", "none"));
        }
        let twice = self.topics.iter().enumerate().filter(|(at, topic)| self.topics[..*at].contains(topic));
        faults.extend(twice.map(|(_, topic)| Invalid::new("topics", "names no topic twice", topic)));
        faults
    }
}

/// How an event that kills its process is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCrash {
    /// By probation with its defaults, where checkpoints carry 512 bytes of state; else not at all.
    #[default]
    ProbationWhereItCan,
    /// By probation: after crashes, events are named in a stored checkpoint before they start, until one of them is
    /// found. In health it costs one commit at each assignment.
    ///
    /// Suspects run alone: all subscriptions of the bus hold still for each, as long as its attempt may take and five minutes
    /// at most. Where something does not end in that time and cannot be stopped, all go on but suspects, and the health says
    /// so. Subscriptions of another bus in the same process do not take part: use one bus.
    Probation(ProbationPolicy),
    /// Not at all: it crashes every process that it comes to.
    Ignore,
}

impl OnCrash {
    fn faults(&self) -> Vec<Invalid> {
        match self {
            Self::Probation(policy) => policy.faults(),
            Self::ProbationWhereItCan | Self::Ignore => Vec::new(),
        }
    }

    /// The policy, on an adapter whose checkpoints carry so many bytes of state.
    pub(crate) fn probation(self, state_bytes: usize) -> Result<Option<ProbationPolicy>, Unsupported> {
        match self {
            Self::Ignore => Ok(None),
            Self::ProbationWhereItCan if state_bytes < Marks::ROOM => Ok(None),
            Self::ProbationWhereItCan => Ok(Some(ProbationPolicy::default())),
            Self::Probation(_) if state_bytes < Marks::ROOM => {
                Err(Unsupported::new("`crashes: Probation`", "carries 512 bytes of state in a checkpoint"))
            }
            Self::Probation(policy) => Ok(Some(policy)),
        }
    }
}

/// Settings that break rules: all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.sentence())]
pub struct ConfigError {
    faults: Vec<Invalid>,
}

impl ConfigError {
    /// An error where there are faults.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn check(faults: Vec<Invalid>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { faults }) }
    }

    /// An error of these faults.
    #[must_use]
    pub fn new(faults: Vec<Invalid>) -> Self {
        Self { faults }
    }

    /// The rules that are broken.
    #[must_use]
    pub fn faults(&self) -> &[Invalid] {
        &self.faults
    }

    fn sentence(&self) -> String {
        let all: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        all.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_said_at_once_with_field_and_range() {
        let topic = TopicName::new("t").unwrap();
        let mut options = SubscriptionOptions::new(GroupId::new("g").unwrap(), [topic.clone(), topic]);
        assert_eq!(options.faults().len(), 1);
        options.topics.clear();
        options.max_in_flight = 0;
        options.workers = 5_000;
        options.processing_timeout = Duration::ZERO;
        options.retry.multiplier = 0.0;
        options.buffer.events = 0;
        options.commit.events = 0;
        let error = ConfigError::check(options.faults()).unwrap_err();
        let fields: Vec<_> = error.faults().iter().map(Invalid::field).collect();
        assert_eq!(
            fields,
            [
                "max_in_flight",
                "workers",
                "processing_timeout",
                "topics",
                "retry.multiplier",
                "buffer.events",
                "commit.events"
            ]
        );
        assert!(error.to_string().contains("lies between 1 and 1,000,000"));
    }
}

//! A subscription that has work and does not do it: noticed, and said why.
//!
//! A watchdog timer in the old sense: every completion winds it up. It looks at a snapshot, never at live state, so it costs the consume path
//! nothing and can be asked on any thread. A thread that a handler blocks is noticed apart, because others may go on meanwhile: a
//! worker that began a turn long ago and has not ended it (I20).

use std::fmt;
use std::time::Duration;

use laneway_domain::{Invalid, Monotonic};

use crate::consume::LaneStats;

/// When a standstill counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchdogPolicy {
    /// Work, and no completion for so long, is a stall. Default 60 s: twice the default processing time.
    pub patience: Duration,
    /// A worker that is in one turn for so long is blocked. Default 5 s, so that with a look every second it is named within 10 s.
    pub blocked: Duration,
}

impl Default for WatchdogPolicy {
    fn default() -> Self {
        Self { patience: Duration::from_secs(60), blocked: Duration::from_secs(5) }
    }
}

impl WatchdogPolicy {
    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let times = [("watchdog.policy.patience", self.patience), ("watchdog.policy.blocked", self.blocked)];
        let wrong =
            times.into_iter().filter(|(_, time)| time.is_zero() || *time > Duration::from_secs(24 * 3_600));
        let said =
            |(field, time)| Invalid::new(field, "is longer than 0 and at most 24h", format!("{time:?}"));
        wrong.map(said).collect()
    }
}

/// What a subscription looks like at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vitals {
    /// Events that the group has not committed, where that is known.
    pub behind: Option<u64>,
    /// Events read and not finished.
    pub open: usize,
    /// Events that are finished since the start: handled, or in the dead letters.
    pub finished: u64,
    /// The lanes.
    pub lanes: LaneStats,
    /// Partitions that are ours.
    pub partitions: usize,
    /// Those that hold back, because their buffers are full.
    pub held_back: usize,
    /// Permits that nobody uses.
    pub permits_free: usize,
    /// Whether nothing starts, because a subscription of higher priority recovers: that is no standstill.
    pub paused: bool,
    /// Until when handlers may start, as the fence says; never, where there is none.
    pub may_start_until: Option<Monotonic>,
    /// Why the broker cannot be reached, while it cannot.
    pub connection: Option<String>,
    /// What the dead-letter store says, while it refuses.
    pub store: Option<String>,
    /// Why the broker does not store a checkpoint, while it refuses.
    pub commits: Option<String>,
    /// What does not end, while suspects of a crash wait for it.
    pub suspects: Option<String>,
    /// Whether the breaker keeps handlers from starting.
    pub breaker_open: bool,
    /// Whether a suspect of a crash has the process alone.
    pub alone: bool,
    /// The workers.
    pub workers: Vec<WorkerVitals>,
}

/// What a worker looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkerVitals {
    /// Since when it is in one turn; nothing while it sleeps.
    pub in_turn_since: Option<Monotonic>,
    /// Its lanes.
    pub lanes: usize,
}

/// Something that explains a standstill.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StallReason {
    /// The broker cannot be reached.
    Connection(String),
    /// A worker is stuck in one turn: a handler blocks its thread.
    WorkerBlocked {
        /// Its number.
        worker: usize,
        /// Since when.
        since: Monotonic,
        /// The lanes that wait with it.
        lanes: usize,
    },
    /// The group has partitions, none of them ours.
    NoPartitions,
    /// The permission to start has run out: the session could not renew it.
    Fenced,
    /// The dead-letter store refuses entries.
    StoreRefuses(String),
    /// The broker does not store a checkpoint: a partition whose first one is refused is not read.
    CommitsRefused(String),
    /// Most outcomes were retryable failures: starting has stopped.
    BreakerOpen,
    /// A suspect of a crash has the process alone.
    Alone,
    /// Suspects of a crash wait for what does not end; it may be one of them.
    SuspectsWait(String),
    /// Every permit is taken by a handler that does not end.
    NoPermits,
    /// Every lane waits for its next attempt.
    AllRetry,
    /// Every lane that could start waits for a token of its rate.
    NoTokens,
    /// Every lane is closed by a dead letter.
    AllDead,
    /// Handlers run and do not end.
    HandlersHang,
    /// The broker has events and delivers none.
    NothingDelivered,
    /// None of the above.
    Unexplained,
}

/// A stall, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// When the last event was finished, or the work came.
    pub since: Monotonic,
    /// How long ago that was.
    pub lasted: Duration,
    /// What explains it, the most likely first.
    pub reasons: Vec<StallReason>,
    /// All that was seen.
    pub vitals: Vitals,
}

/// Watches one subscription.
#[derive(Debug)]
pub struct Watchdog {
    policy: WatchdogPolicy,
    finished: u64,
    since: Monotonic,
    stalled: bool,
}

impl Watchdog {
    /// Begins to watch.
    #[must_use]
    pub fn new(policy: WatchdogPolicy, now: Monotonic) -> Self {
        Self { policy, finished: 0, since: now, stalled: false }
    }

    /// Whether the subscription stalls: then its health is degraded.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Takes a look: why it stalls, while it does.
    pub fn observe(&mut self, vitals: &Vitals, now: Monotonic) -> Option<Diagnosis> {
        let has_work = vitals.open > 0 || vitals.behind.is_some_and(|events| events > 0);
        let has_work = has_work && !vitals.paused;
        if !has_work || vitals.finished != self.finished {
            (self.finished, self.since) = (vitals.finished, now);
        }
        let lasted = now.since(self.since);
        let still = lasted >= self.policy.patience;
        let blocked = self.blocked(vitals, now);
        self.stalled = still || !blocked.is_empty();
        if !self.stalled {
            return None;
        }
        let mut reasons = blocked;
        if still {
            explain(vitals, now, &mut reasons);
        }
        Some(Diagnosis { since: self.since, lasted, reasons, vitals: vitals.clone() })
    }

    fn blocked(&self, vitals: &Vitals, now: Monotonic) -> Vec<StallReason> {
        let workers = vitals.workers.iter().enumerate();
        let blocked = workers.filter_map(|(worker, WorkerVitals { in_turn_since, lanes })| {
            let since = in_turn_since.filter(|since| now.since(*since) >= self.policy.blocked)?;
            Some(StallReason::WorkerBlocked { worker, since, lanes: *lanes })
        });
        blocked.collect()
    }
}

fn explain(vitals: &Vitals, now: Monotonic, reasons: &mut Vec<StallReason>) {
    let lanes = vitals.lanes;
    let all = |some: usize| lanes.total > 0 && some == lanes.total;
    let fenced = vitals.may_start_until.is_some_and(|until| until <= now);
    if let Some(why) = &vitals.connection {
        reasons.insert(0, StallReason::Connection(why.clone()));
    }
    if let Some(why) = &vitals.store {
        reasons.push(StallReason::StoreRefuses(why.clone()));
    }
    if let Some(why) = &vitals.commits {
        reasons.push(StallReason::CommitsRefused(why.clone()));
    }
    if let Some(why) = &vitals.suspects {
        reasons.push(StallReason::SuspectsWait(why.clone()));
    }
    let signs = [
        (vitals.partitions == 0, StallReason::NoPartitions),
        (fenced, StallReason::Fenced),
        (vitals.breaker_open, StallReason::BreakerOpen),
        (vitals.alone, StallReason::Alone),
        (vitals.permits_free == 0 && lanes.active > 0, StallReason::NoPermits),
        (all(lanes.waiting), StallReason::AllRetry),
        (lanes.throttled > 0 && lanes.throttled == lanes.idle, StallReason::NoTokens),
        (all(lanes.dead), StallReason::AllDead),
        (lanes.active > 0, StallReason::HandlersHang),
        (vitals.partitions > 0 && vitals.open == 0, StallReason::NothingDelivered),
    ];
    reasons.extend(signs.into_iter().filter_map(|(seen, reason)| seen.then_some(reason)));
    if reasons.is_empty() {
        reasons.push(StallReason::Unexplained);
    }
}

impl fmt::Display for StallReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(why) => write!(f, "the broker cannot be reached: {why}"),
            Self::WorkerBlocked { worker, since, lanes } => {
                write!(
                    f,
                    "a handler blocks the thread of worker {worker} since {since:?}; {lanes} lanes wait with it"
                )
            }
            Self::NoPartitions => f.write_str("no partition is ours"),
            Self::Fenced => f.write_str("the permission to start has run out and was not renewed"),
            Self::StoreRefuses(why) => write!(f, "the dead-letter store refuses entries: {why}"),
            Self::CommitsRefused(why) => write!(f, "the broker refuses checkpoints: {why}"),
            Self::BreakerOpen => f.write_str("the breaker is open: most outcomes were retryable failures"),
            Self::SuspectsWait(why) => f.write_str(why),
            Self::Alone => f.write_str("a suspect of a crash has the process alone"),
            Self::NoPermits => f.write_str("every permit is taken by a handler that does not end"),
            Self::AllRetry => f.write_str("every lane waits for its next attempt"),
            Self::NoTokens => f.write_str("every lane that could start waits for a token of its rate"),
            Self::AllDead => f.write_str("every lane is closed by a dead letter"),
            Self::HandlersHang => f.write_str("handlers run and do not end"),
            Self::NothingDelivered => f.write_str("the broker has events and delivers none"),
            Self::Unexplained => f.write_str("nothing explains it"),
        }
    }
}

impl Diagnosis {
    /// What explains the standstill.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        reasons.join("; ")
    }
}

impl fmt::Display for Diagnosis {
    /// The dump for the log: the reasons as sentences, then everything that was seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lasted, vitals) = (self.lasted, &self.vitals);
        write!(f, "nothing was finished for {lasted:?}: {}. {vitals:?}", self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs(seconds)
    }

    fn busy() -> Vitals {
        let lanes = LaneStats { total: 4, active: 2, idle: 2, ..LaneStats::default() };
        Vitals { open: 4, partitions: 1, permits_free: 9, lanes, ..Vitals::default() }
    }

    fn reasons(change: impl FnOnce(&mut Vitals)) -> Vec<StallReason> {
        let mut vitals = busy();
        change(&mut vitals);
        let mut watchdog = Watchdog::new(WatchdogPolicy::default(), at(0));
        watchdog.observe(&vitals, at(60)).unwrap().reasons
    }

    #[test]
    fn work_without_a_completion_is_a_stall_and_a_completion_ends_it() {
        let mut watchdog = Watchdog::new(WatchdogPolicy::default(), at(0));
        let mut vitals = busy();
        assert!(watchdog.observe(&vitals, at(59)).is_none());
        let diagnosis = watchdog.observe(&vitals, at(60)).unwrap();
        assert!(watchdog.is_stalled());
        assert_eq!(
            (diagnosis.lasted, &diagnosis.reasons[..]),
            (Duration::from_secs(60), &[StallReason::HandlersHang][..])
        );
        assert!(diagnosis.to_string().contains("handlers run and do not end. Vitals"), "{diagnosis}");
        vitals.finished = 1;
        assert!(watchdog.observe(&vitals, at(61)).is_none() && !watchdog.is_stalled());
        assert!(watchdog.observe(&vitals, at(120)).is_none());
    }

    #[test]
    fn a_quiet_subscription_never_stalls_and_its_clock_starts_with_the_work() {
        let mut watchdog = Watchdog::new(WatchdogPolicy::default(), at(0));
        assert!(watchdog.observe(&Vitals { behind: Some(0), ..Vitals::default() }, at(1_000)).is_none());
        let behind = Vitals { behind: Some(5), partitions: 1, ..Vitals::default() };
        assert!(watchdog.observe(&behind, at(1_059)).is_none());
        assert_eq!(watchdog.observe(&behind, at(1_060)).unwrap().reasons, [StallReason::NothingDelivered]);
    }

    #[test]
    fn a_pause_that_was_meant_is_no_standstill() {
        let mut watchdog = Watchdog::new(WatchdogPolicy::default(), at(0));
        let paused = Vitals { paused: true, behind: Some(5), ..busy() };
        assert!(watchdog.observe(&paused, at(1_000)).is_none());
        assert!(watchdog.observe(&busy(), at(1_059)).is_none());
        assert!(watchdog.observe(&busy(), at(1_060)).is_some());
    }

    #[test]
    fn a_blocked_worker_is_named_also_while_others_go_on() {
        let mut watchdog = Watchdog::new(WatchdogPolicy::default(), at(0));
        let stuck = WorkerVitals { in_turn_since: Some(at(1)), lanes: 3 };
        let mut vitals = Vitals { workers: vec![WorkerVitals::default(), stuck], ..busy() };
        for n in 0..10 {
            vitals.finished = n;
            let diagnosis = watchdog.observe(&vitals, at(n));
            let reason = StallReason::WorkerBlocked { worker: 1, since: at(1), lanes: 3 };
            assert_eq!(diagnosis.map(|diagnosis| diagnosis.reasons), (n >= 6).then(|| vec![reason]));
        }
    }

    #[test]
    fn what_is_to_blame_is_said() {
        let all = |waiting, dead| LaneStats { total: 4, waiting, dead, ..LaneStats::default() };
        let connection = reasons(|v| v.connection = Some("no route".to_owned()));
        assert_eq!(connection[0], StallReason::Connection("no route".to_owned()));
        assert!(
            reasons(|v| v.store = Some("full".to_owned()))
                .contains(&StallReason::StoreRefuses("full".to_owned()))
        );
        assert!(
            reasons(|v| v.commits = Some("full".to_owned()))
                .contains(&StallReason::CommitsRefused("full".to_owned()))
        );
        let hangs = StallReason::SuspectsWait("it hangs".to_owned());
        assert!(reasons(|v| v.suspects = Some("it hangs".to_owned())).contains(&hangs));
        assert!(reasons(|v| v.partitions = 0).contains(&StallReason::NoPartitions));
        assert!(reasons(|v| v.may_start_until = Some(at(60))).contains(&StallReason::Fenced));
        assert!(!reasons(|v| v.may_start_until = Some(at(61))).contains(&StallReason::Fenced));
        assert!(reasons(|v| v.breaker_open = true).contains(&StallReason::BreakerOpen));
        assert!(reasons(|v| v.permits_free = 0).contains(&StallReason::NoPermits));
        assert_eq!(reasons(|v| v.lanes = all(4, 0)), [StallReason::AllRetry]);
        assert_eq!(reasons(|v| v.lanes = all(0, 4)), [StallReason::AllDead]);
        assert_eq!(reasons(|v| v.lanes = all(1, 1)), [StallReason::Unexplained]);
        let throttled = |idle| LaneStats { idle, throttled: 3, ..all(0, 1) };
        assert_eq!(reasons(|v| v.lanes = throttled(3)), [StallReason::NoTokens]);
        assert_eq!(reasons(|v| v.lanes = throttled(4)), [StallReason::Unexplained]);
    }

    #[test]
    fn absurd_settings_are_named_all_at_once() {
        assert_eq!(WatchdogPolicy { patience: Duration::ZERO, blocked: Duration::MAX }.faults().len(), 2);
        assert_eq!(WatchdogPolicy::default().faults(), []);
    }

    proptest! {
        #[test]
        fn it_barks_exactly_after_its_patience(steps in prop::collection::vec((0u64..40, 0u64..2, 0usize..2), 0..100)) {
            let mut watchdog = Watchdog::new(WatchdogPolicy::default(), at(0));
            let (mut now, mut finished, mut moved) = (0, 0, 0);
            for (pause, done, open) in steps {
                (now, finished) = (now + pause, finished + done);
                let barks = watchdog.observe(&Vitals { open, finished, ..Vitals::default() }, at(now)).is_some();
                if done > 0 || open == 0 {
                    moved = now;
                }
                prop_assert_eq!(barks, now - moved >= 60);
            }
        }
    }
}

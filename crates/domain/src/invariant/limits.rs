//! The figures in the invariants.

use std::time::Duration;

use crate::dead_letter::AfterDeadLetter;

/// The thresholds that predicates judge by; [`Limits::default`] has those of the invariants' text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// What the subscriptions do behind a dead letter. With `Block`, a dead one is not terminal.
    pub after_dead_letter: AfterDeadLetter,
    /// What the others keep of their rate beside retries or a hang, in percent (I6, I20). 80.
    pub kept_rate_percent: u64,
    /// How long committed may lag behind a quiet partition (I8). 5 s.
    pub commit_lag: Duration,
    /// How long an old owner may run beside a new one (I5). 6 s: the shortest lease.
    pub fence: Duration,
    /// How long a signal takes to be read (I5, I18). 100 ms: a thread may be descheduled for that long.
    pub reaction: Duration,
    /// How many bytes a stalled handler may add (I19). 64 MiB: the default buffers of a subscription.
    pub buffer_bytes: u64,
    /// How long everybody else may stand still beside a hang, and an unnamed block may last (I20). 10 s.
    pub stall: Duration,
    /// How long health may be wrong (I21). 10 s.
    pub health: Duration,
    /// How far a reported lag may be off, in percent of the true one (I21). 1.
    pub lag_percent: u64,
    /// How many events a relay publishes in one batch (I13). 500.
    pub outbox_batch: usize,
    /// How long a committed row may wait when there is no fault (I14). 30 s.
    pub outbox_lag: Duration,
    /// How long a recovery mode stays at least (I16). 60 s.
    pub hysteresis: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            after_dead_letter: AfterDeadLetter::Skip,
            kept_rate_percent: 80,
            commit_lag: Duration::from_secs(5),
            fence: Duration::from_secs(6),
            reaction: Duration::from_millis(100),
            buffer_bytes: 64 << 20,
            stall: Duration::from_secs(10),
            health: Duration::from_secs(10),
            lag_percent: 1,
            outbox_batch: 500,
            outbox_lag: Duration::from_secs(30),
            hysteresis: Duration::from_secs(60),
        }
    }
}

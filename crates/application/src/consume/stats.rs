//! Figures of a subscription.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use laneway_domain::{AggregateKey, Monotonic, Position};

use super::bell::Bell;
use crate::backlog::WorkerVitals;
use crate::lanes::Phase;
use crate::recovery::RecoveryStats;

/// What a subscription has done so far, and what it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscriptionStats {
    /// Events handled.
    pub handled: u64,
    /// Failed attempts that were, or will be, repeated.
    pub retries: u64,
    /// Events in the dead letters.
    pub dead_letters: u64,
    /// Events that went to the dead-letter store behind one that waits there, or for a later attempt.
    pub parked: u64,
    /// Events handled that came back from the dead-letter store.
    pub redriven: u64,
    /// Positions stored by the broker, in commits of one partition each.
    pub commits: u64,
    /// Ranges that the broker deleted before they were read.
    pub gaps: u64,
    /// Standstills that the watchdog saw.
    pub stalls: u64,
    /// How often the breaker opened.
    pub breaker_openings: u64,
    /// Partitions that are ours.
    pub partitions: usize,
    /// Events read and not finished.
    pub open: usize,
    /// Their bytes.
    pub open_bytes: usize,
    /// The lanes.
    pub lanes: LaneStats,
    /// What is done about the backlog.
    pub recovery: RecoveryStats,
}

/// What the lanes are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneStats {
    /// Lanes with work.
    pub total: usize,
    /// Lanes whose handler runs.
    pub active: usize,
    /// Lanes that could start and wait for their turn.
    pub idle: usize,
    /// Of these, the ones that wait for a token of their rate.
    pub throttled: usize,
    /// Lanes that wait for the next attempt of their head.
    pub waiting: usize,
    /// Lanes that a dead letter closes.
    pub dead: usize,
    /// Lanes whose aggregate waits in the dead-letter store.
    pub parked: usize,
}

/// One lane, on request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneDetail {
    /// The aggregate; none for an event without one.
    pub key: Option<AggregateKey>,
    /// What its head is doing.
    pub phase: Phase,
    /// The position of its head.
    pub head: Position,
    /// Failed attempts of its head.
    pub attempts: u32,
}

/// Counters that loop and workers write and anyone reads; never one per event.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) handled: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) parked: AtomicU64,
    pub(crate) redriven: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) stalls: AtomicU64,
    /// Partitions that hold back.
    pub(crate) held_back: AtomicUsize,
    pub(crate) breaker_openings: AtomicU64,
    pub(crate) partitions: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) open_bytes: AtomicUsize,
    pub(crate) workers: Vec<WorkerCounters>,
    /// Rings after every turn of the loop and of a worker.
    pub(crate) bell: Bell,
}

/// What a worker last said of its lanes.
#[derive(Debug, Default)]
pub(crate) struct WorkerCounters {
    lanes: AtomicUsize,
    running: AtomicUsize,
    waiting: AtomicUsize,
    dead: AtomicUsize,
    parked: AtomicUsize,
    throttled: AtomicUsize,
    /// When the turn began that it is in, in nanoseconds and never zero; zero while it is in none.
    in_turn: AtomicU64,
}

impl WorkerCounters {
    /// A turn begins.
    pub(crate) fn begin(&self, now: Monotonic) {
        self.in_turn.store(now.nanos().max(1), Ordering::Relaxed);
    }

    /// The turn is over.
    pub(crate) fn end(&self) {
        self.in_turn.store(0, Ordering::Relaxed);
    }

    pub(crate) fn vitals(&self) -> WorkerVitals {
        let since = Some(self.in_turn.load(Ordering::Relaxed)).filter(|since| *since > 0);
        WorkerVitals { in_turn_since: since.map(Monotonic::from_nanos), lanes: self.with_work() }
    }

    /// Whether there are fewer lanes with work than last time; only the worker itself says.
    pub(crate) fn say(&self, census: crate::lanes::Census) -> bool {
        let before = self.with_work();
        self.lanes.store(census.lanes, Ordering::Relaxed);
        self.running.store(census.running, Ordering::Relaxed);
        self.waiting.store(census.waiting, Ordering::Relaxed);
        self.dead.store(census.dead, Ordering::Relaxed);
        self.parked.store(census.parked, Ordering::Relaxed);
        self.throttled.store(census.throttled, Ordering::Relaxed);
        self.with_work() < before
    }

    /// Lanes whose work is in memory: those of parked aggregates hold a place alone, and may be many for long.
    fn with_work(&self) -> usize {
        self.lanes.load(Ordering::Relaxed).saturating_sub(self.parked.load(Ordering::Relaxed))
    }
}

impl Counters {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers: (0..workers).map(|_| WorkerCounters::default()).collect(), ..Self::default() }
    }

    /// How many lanes with work all workers have.
    pub(crate) fn lanes(&self) -> usize {
        self.workers.iter().map(WorkerCounters::with_work).sum()
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        let sum = |of: fn(&WorkerCounters) -> &AtomicUsize| {
            self.workers.iter().map(|worker| of(worker).load(Ordering::Relaxed)).sum::<usize>()
        };
        let (total, active) = (sum(|w| &w.lanes), sum(|w| &w.running));
        let (waiting, dead, parked) = (sum(|w| &w.waiting), sum(|w| &w.dead), sum(|w| &w.parked));
        let idle = total.saturating_sub(active + waiting + dead + parked);
        let throttled = sum(|w| &w.throttled).min(idle);
        SubscriptionStats {
            handled: self.handled.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            dead_letters: self.dead_letters.load(Ordering::Relaxed),
            parked: self.parked.load(Ordering::Relaxed),
            redriven: self.redriven.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            gaps: self.gaps.load(Ordering::Relaxed),
            stalls: self.stalls.load(Ordering::Relaxed),
            breaker_openings: self.breaker_openings.load(Ordering::Relaxed),
            partitions: self.partitions.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            open_bytes: self.open_bytes.load(Ordering::Relaxed),
            lanes: LaneStats { total, active, idle, throttled, waiting, dead, parked },
            recovery: RecoveryStats::default(),
        }
    }
}

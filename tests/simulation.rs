//! Seeds against the invariants: the whole engine on the memory broker, on virtual time, with faults.
//!
//! `LANEWAY_SEEDS` says how many seeds are run, `LANEWAY_SEED` names one.

mod seeds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use laneway_application::policy::CreditLimits;
use laneway_domain::AfterDeadLetter;
use laneway_domain::invariant::{Happening, History, Invariant, Limits, Outcome, RecoveryMode};
use laneway_testkit::faults::Fault;
use laneway_testkit::simulation::{Failure, GroupPlan, Scenario, Summary, rates, replay, shrink, simulate};
use seeds::Memory;

/// How many threads share the seeds; each run has one of them for itself.
const THREADS: usize = 2;
/// How many failing seeds end the search.
const ENOUGH: usize = 5;
/// How many runs may go into making a failing scenario smaller.
const SHRINKING: usize = 200;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// What happened in all runs that broke nothing.
#[derive(Debug, Default)]
struct Totals {
    events: u64,
    struck: BTreeMap<Fault, u64>,
    stored: u64,
    left: u64,
}

impl Totals {
    fn add(&mut self, summary: Summary) {
        self.events += summary.events as u64;
        self.stored += summary.stored;
        self.left += summary.left;
        for (fault, times) in summary.struck {
            *self.struck.entry(fault).or_default() += times;
        }
    }
}

/// The seeds that break an invariant.
fn failing(seeds: std::ops::Range<u64>) -> Vec<Failure> {
    let (next, failures) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let enough = failures.lock().unwrap_or_else(PoisonError::into_inner).len() >= ENOUGH;
                    if seed >= seeds.end || enough {
                        return;
                    }
                    match simulate(seed, &Memory) {
                        Ok(summary) => totals.lock().unwrap_or_else(PoisonError::into_inner).add(summary),
                        Err(failure) => {
                            failures.lock().unwrap_or_else(PoisonError::into_inner).push(*failure);
                        }
                    }
                }
            });
        }
    });
    println!("{:#?}", totals.into_inner().unwrap_or_else(PoisonError::into_inner));
    failures.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the speed of the machine is told, and decides nothing")]
fn no_seed_breaks_an_invariant() {
    let count = number("LANEWAY_SEEDS").unwrap_or(if cfg!(debug_assertions) { 300 } else { 10_000 });
    let seeds = number("LANEWAY_SEED").map_or(0..count, |seed| seed..seed + 1);
    let (asked, began) = (seeds.end - seeds.start, Instant::now());
    let failures = failing(seeds);
    let seconds = began.elapsed().as_secs_f64();
    println!("{asked} seeds in {seconds:.1} s, {:.0} seeds/s", asked as f64 / seconds);
    let named: Vec<_> = failures.iter().map(Failure::seed).collect();
    if let Some(first) = failures.into_iter().next() {
        panic!(
            "seeds {named:?} fail; the first, made smaller:\n{}",
            shrink(Box::new(first), &Memory, SHRINKING)
        );
    }
}

#[test]
fn one_seed_makes_one_history() {
    for seed in 0..50 {
        let run = || replay(Scenario::from_seed(seed), &Memory);
        let (one, other) = (run(), run());
        let differs = one.moments().iter().zip(other.moments()).position(|(a, b)| a != b);
        let at = |at: usize| (one.moments().get(at), other.moments().get(at));
        assert_eq!(differs.map(at), None, "seed {seed} differs");
        assert_eq!((one.len(), one.end()), (other.len(), other.end()), "seed {seed}");
    }
}

#[test]
fn the_healthy_keep_their_rate_beside_those_that_back_off() {
    for seed in 0..100 {
        let measured = rates(seed, &Memory);
        let violations = Invariant::I6.violations(&measured, &Limits::default());
        assert!(violations.is_empty(), "seed {seed}: {violations:?}, {:?}", measured.moments());
    }
}

/// What never happens is never tested: over some seeds every fault strikes, and so does all that members live through.
#[test]
fn the_seeds_reach_every_fault_and_every_turn() {
    let (mut struck, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..150 {
        let scenario = Scenario::from_seed(seed);
        let summary = simulate(seed, &Memory).unwrap_or_else(|failure| panic!("{failure}"));
        struck.extend(summary.struck.into_keys());
        let (topics, tight) = (scenario.topics, scenario.state_bytes.is_some_and(|bytes| bytes < 16));
        let (merges, stalls) = (scenario.groups.iter().any(|g| g.merges.is_some()), stalls(&scenario));
        let history = replay(scenario, &Memory);
        seen.extend(history.moments().iter().filter_map(|moment| turn(&moment.what)));
        let ways = [
            (merges, "merged"),
            (stalls, "narrow behind a block"),
            (tight, "hardly any state"),
            (echoes(&history, topics), "published by a handler"),
            (joins_again(&history), "subscribed again"),
        ];
        seen.extend(ways.into_iter().filter_map(|(reached, way)| reached.then_some(way)));
    }
    let missed: Vec<_> = Fault::ALL.into_iter().filter(|fault| !struck.contains(fault)).collect();
    assert_eq!(missed, []);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), TURNS);
}

const TURNS: [&str; 26] = [
    "buried",
    "closed",
    "crashed",
    "done",
    "dropped",
    "edited",
    "failed",
    "frozen",
    "gap",
    "hardly any state",
    "left",
    "let go",
    "lost",
    "merged",
    "narrow behind a block",
    "panicked",
    "parked",
    "published by a handler",
    "recovered",
    "recovering",
    "redriven",
    "refused",
    "returned",
    "revoked",
    "subscribed again",
    "unknown",
];

fn stalls(scenario: &Scenario) -> bool {
    let narrow = |group: &GroupPlan| group.buffer != CreditLimits::default();
    scenario.groups.iter().any(|group| group.after_dead_letter == AfterDeadLetter::Block && narrow(group))
}

/// Whether a group handled what a handler published: that goes to the topic behind those of the publishers.
fn echoes(history: &History, topics: usize) -> bool {
    let side = format!("topic-{topics}");
    let echo = |what: &Happening| matches!(what, Happening::HandlerStarted(start) if start.event.topic.as_str() == side);
    history.moments().iter().any(|moment| echo(&moment.what))
}

fn joins_again(history: &History) -> bool {
    let mut left = BTreeSet::new();
    history.moments().iter().any(|moment| match &moment.what {
        Happening::SessionEnded { member, .. } => {
            left.insert(*member);
            false
        }
        Happening::Subscribed { member, .. } => left.contains(member),
        _ => false,
    })
}

fn turn(what: &Happening) -> Option<&'static str> {
    Some(match what {
        Happening::HandlerEnded { outcome: Outcome::Done, .. } => "done",
        Happening::HandlerEnded { outcome: Outcome::Failed(_), .. } => "failed",
        Happening::HandlerEnded { outcome: Outcome::Panicked, .. } => "panicked",
        Happening::HandlerEnded { outcome: Outcome::Dropped, .. } => "dropped",
        Happening::DeadLettered { .. } => "buried",
        Happening::Parked { .. } => "parked",
        Happening::Redriven { .. } => "redriven",
        Happening::Returned { .. } => "returned",
        Happening::Left { handled: true, .. } => "left",
        Happening::Left { .. } => "let go",
        Happening::Edited { .. } => "edited",
        Happening::GapReported { .. } => "gap",
        Happening::Lost { .. } => "lost",
        Happening::Revoking { .. } => "revoked",
        Happening::RecoverySwitched { to: RecoveryMode::Recovering, .. } => "recovering",
        Happening::RecoverySwitched { to: RecoveryMode::Normal, .. } => "recovered",
        Happening::Frozen { .. } => "frozen",
        Happening::Crashed { .. } => "crashed",
        Happening::Closed { .. } => "closed",
        Happening::PublishRefused { .. } => "refused",
        Happening::PublishUnknown { .. } => "unknown",
        _ => return None,
    })
}

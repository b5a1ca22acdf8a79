//! The job without the bus: every part of it, on one thread, an event at a time.

use std::time::Duration;

use hdrhistogram::Histogram;
use thiserror::Error;

use super::chaos::{Fate, Plan, SAFE_ATTEMPT};
use super::events::{FlightEvent, PayloadError};
use super::order::{OrderChecker, Running, Violation};
use super::progress::Progress;
use super::state::{Books, Fleet, Shards, SplitAircraft, Traffic};
use super::stopwatch::Stopwatch;
use super::timeline::Timeline;

/// What a run of the job gives.
pub(crate) struct Outcome {
    /// The tables.
    pub(crate) books: Books,
    /// Events that were handled.
    pub(crate) handled: u64,
    /// Events that were given up.
    pub(crate) dead: u64,
    /// Attempts after a failed one.
    pub(crate) retries: u64,
    /// Rules of order that were broken.
    pub(crate) violations: u64,
    /// How often an aircraft was taken back to an event that had been done.
    pub(crate) rewinds: u64,
    /// The first of the broken rules.
    pub(crate) shown: Vec<Violation>,
    /// The time that the run took.
    pub(crate) elapsed: Duration,
    /// From encoding an event to the end of its handler, in nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

/// Why the job breaks off.
#[derive(Debug, Error)]
pub(crate) enum RehearsalError {
    /// An event did not survive its own bytes.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The parts of the tables do not fit together.
    #[error(transparent)]
    Split(#[from] SplitAircraft),
    /// A latency cannot be recorded.
    #[error("a latency cannot be recorded")]
    Latency(#[from] hdrhistogram::CreationError),
}

/// Runs the job: encodes, decodes and handles every event; failures, panics and hangs are tried again at once.
///
/// The tables are kept in `parts`, as several threads would keep them.
///
/// # Errors
/// [`RehearsalError`] where an event does not survive its bytes.
pub(crate) fn rehearse(
    timeline: &Timeline,
    plan: Option<&Plan>,
    parts: usize,
) -> Result<Outcome, RehearsalError> {
    let mut stage = Stage::new(timeline, plan, parts);
    let mut latency = Histogram::new(3)?;
    let progress = Progress::events(timeline.len() as u64);
    let started = Stopwatch::start();
    for (done, event) in (1..).zip(timeline.events()) {
        let published = Stopwatch::start();
        stage.handle(&FlightEvent::decode(&event.encode()?)?);
        latency.saturating_record(published.nanos());
        progress.at(done);
    }
    progress.clear();
    let Stage { checker, fleet, traffic, handled, dead, retries, .. } = stage;
    Ok(Outcome {
        elapsed: started.elapsed(),
        books: Books::collect(fleet, traffic)?,
        handled,
        dead,
        retries,
        violations: checker.violations(),
        rewinds: checker.rewinds(),
        shown: checker.shown(),
        latency,
    })
}

struct Stage<'a> {
    plan: Option<&'a Plan>,
    checker: OrderChecker,
    fleet: Shards<Fleet>,
    traffic: Shards<Traffic>,
    handled: u64,
    dead: u64,
    retries: u64,
}

impl<'a> Stage<'a> {
    fn new(timeline: &Timeline, plan: Option<&'a Plan>, parts: usize) -> Self {
        Self {
            plan,
            checker: OrderChecker::new(timeline.aircraft()),
            fleet: Shards::new(parts),
            traffic: Shards::new(parts),
            handled: 0,
            dead: 0,
            retries: 0,
        }
    }

    fn handle(&mut self, event: &FlightEvent) {
        // An event that fails more often than a plan may make it is counted nowhere, and the sum says so.
        for attempt in 1..=SAFE_ATTEMPT {
            let running = event.place.map(|place| self.checker.start(place));
            match self.plan.map_or(Fate::Handled, |plan| plan.fate(event, attempt)) {
                Fate::Fail | Fate::Panic | Fate::Hang => {
                    self.retries += 1;
                    continue;
                }
                Fate::Poison => self.dead += 1,
                Fate::Handled => {
                    self.handled += 1;
                    self.fleet.with(event, |fleet| fleet.apply(event));
                    self.traffic.with(event, |traffic| traffic.apply(event));
                }
            }
            running.into_iter().for_each(Running::done);
            return;
        }
    }
}

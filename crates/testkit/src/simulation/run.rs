//! Running a scenario to its end.

use std::sync::Arc;
use std::time::Duration;

use laneway_domain::invariant::{Happening, History, Invariant};
use laneway_domain::{AfterDeadLetter, Invalid};

use super::failure::{Failure, Summary};
use super::roster::Roster;
use super::scenario::Scenario;
use super::stage::Stage;
use super::{monitor, operator, producer, verdict};
use crate::checkers::{self, report};
use crate::conformance::Factory;
use crate::faults::Fault;
use crate::history::record_listing;

/// How long nothing may happen before a run counts as quiet: longer than any wait of the engine.
const QUIET: Duration = Duration::from_secs(14);
/// How long a run may take to become quiet once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(900);
/// How often it is looked whether anything happened.
const LOOK: Duration = Duration::from_secs(1);
/// How long members get to close at the end.
pub(super) const CLOSING: Duration = Duration::from_secs(2);

/// Runs the scenario of a seed.
///
/// # Errors
/// What the run broke, with its seed and all that helps to understand it.
///
/// # Panics
/// Where the factory makes no adapter, or the machine no runtime.
pub fn simulate(seed: u64, factory: &dyn Factory) -> Result<Summary, Box<Failure>> {
    simulate_scenario(Scenario::from_seed(seed), factory)
}

/// Runs a scenario; else as [`simulate`].
///
/// # Errors
/// As [`simulate`].
///
/// # Panics
/// As [`simulate`].
pub fn simulate_scenario(scenario: Scenario, factory: &dyn Factory) -> Result<Summary, Box<Failure>> {
    let ended = run(scenario, factory);
    let Ended { stage, rest, cleared, whole, dump } = ended;
    let mut violations = stage.found();
    violations.extend(verdict::judge(&stage.scenario, &stage.groups, &rest, cleared.as_ref(), &whole));
    if !stage.sessions_broke() {
        violations.extend(checkers::blameless(&whole));
    }
    if violations.is_empty() {
        return Ok(summary(&stage, &whole));
    }
    let scenario = Box::new(stage.scenario.clone());
    Err(Box::new(Failure { scenario, report: report(&whole, &violations), violations, dump }))
}

/// Runs a scenario, and answers with its history, unjudged.
///
/// # Panics
/// As [`simulate`].
#[must_use]
pub fn replay(scenario: Scenario, factory: &dyn Factory) -> History {
    run(scenario, factory).whole
}

/// A run that is over.
struct Ended {
    stage: Arc<Stage>,
    /// The history when everything was quiet.
    rest: History,
    /// The history when it was quiet again, after operators had cleared what was left.
    cleared: Option<History>,
    whole: History,
    dump: Vec<String>,
}

fn run(scenario: Scenario, factory: &dyn Factory) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    runtime.block_on(play(scenario, factory)).unwrap_or_else(|faults| panic!("no scenario: {faults:?}"))
}

async fn play(scenario: Scenario, factory: &dyn Factory) -> Result<Ended, Vec<Invalid>> {
    let stage = Stage::set(scenario, factory).await?;
    let roster = Roster::new(stage.clone());
    let revived = tokio::spawn(roster.clone().revive());
    roster.open().await;
    let watched = {
        let (stage, roster) = (stage.clone(), roster.clone());
        tokio::spawn(async move { monitor::watch(&stage, &roster).await })
    };
    let bus = producer::bus(&stage);
    let publishers = 0..stage.scenario.publishers;
    let producers: Vec<_> =
        publishers.map(|at| tokio::spawn(producer::publish(stage.clone(), bus.clone(), at))).collect();
    let steps = roster.play().await;
    stage.clock().wake_at(stage.began() + stage.scenario.calm).await;
    stage.faults.calm();
    for step in steps {
        // A step that panicked shows in what it left behind.
        let _ = step.await;
    }
    roster.fill().await;
    let done = || producers.iter().all(tokio::task::JoinHandle::is_finished);
    become_quiet(&stage, &roster, done).await;
    let rest = stage.recorder.history();
    let blocks = stage.scenario.groups.iter().any(|g| g.after_dead_letter == AfterDeadLetter::Block);
    let cleared = if !blocks && operator::is_anything_left(&stage).await {
        operator::clear(&stage).await;
        become_quiet(&stage, &roster, || true).await;
        Some(stage.recorder.history())
    } else {
        None
    };
    watched.abort();
    revived.abort();
    monitor::rest(&stage, &roster);
    let dump = monitor::dump(&roster).await;
    roster.close().await;
    bus.close(CLOSING).await;
    list(&stage).await;
    let whole = stage.recorder.history();
    Ok(Ended { stage, rest, cleared, whole, dump })
}

/// Waits until nothing happens any more. What is still undone then is stuck.
async fn become_quiet(stage: &Stage, roster: &Roster, published: impl Fn() -> bool) {
    let deadline = stage.now() + PATIENCE;
    let mut since = stage.now();
    let mut before = (stage.pulse(), monitor::figures(roster));
    while stage.now().since(since) < QUIET {
        stage.wait(LOOK).await;
        let now = (stage.pulse(), monitor::figures(roster));
        if now != before {
            (since, before) = (stage.now(), now);
        }
        if stage.now() > deadline {
            return stage.find(Invariant::I8, format!("it does not become quiet within {PATIENCE:?}"));
        }
    }
    if !published() {
        stage.find(Invariant::I8, "publishers are stuck".to_owned());
    }
}

/// Reads all dead letters of all groups.
async fn list(stage: &Stage) {
    let Some(desk) = stage.adapter.dead_letters.desk() else { return };
    if let Err(error) = record_listing(&stage.recorder, desk, &stage.groups).await {
        stage.find(Invariant::I10, format!("dead letters cannot be listed: {error}"));
    }
}

fn summary(stage: &Stage, history: &History) -> Summary {
    let struck = Fault::ALL.into_iter().map(|fault| (fault, stage.faults.struck(fault)));
    let count =
        |of: fn(&Happening) -> bool| history.moments().iter().filter(|at| of(&at.what)).count() as u64;
    Summary {
        stored: count(|what| matches!(what, Happening::DeadLettered { .. } | Happening::Parked { .. })),
        left: count(|what| matches!(what, Happening::Left { .. })),
        seed: stage.scenario.seed,
        events: stage.scenario.events.len(),
        happenings: history.len(),
        elapsed: history.end().since(stage.began()),
        struck: struck.filter(|(_, times)| *times > 0).collect(),
    }
}

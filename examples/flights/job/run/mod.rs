//! The job on the bus: one topic, two groups, and what they find out.

mod backlog;
mod clerk;
mod content;
mod departures;
mod error;
mod group;
mod hardship;
mod letters;
mod outcome;
mod publish;
mod redrive;
mod registers;
mod settings;
mod tally;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use laneway::memory::MemoryDeadLetters;
use laneway::prelude::*;
use laneway::recovery::RecoveryMode;

use super::input::Input;
use super::order::OrderChecker;
use super::state::Books;
use super::stopwatch::Stopwatch;
use backlog::Log;
pub(crate) use backlog::Recovery;
use departures::{BATCH, Departures};
pub(crate) use error::RunError;
use group::Group;
use hardship::Hardship;
pub(crate) use outcome::{Figures, Outcome};
use registers::{Counters, Hangar, histogram};
pub(crate) use settings::Settings;
use watch::Watch;

/// How long publishing waits for room: longer than the watch has patience, which says more when it gives up.
const ROOM: Duration = Duration::from_secs(3_600);
/// How many events the broker holds at a time, in all partitions.
const WINDOW: usize = 98_304;
/// And in each of them, however many there are.
const LEAST: usize = 1_024;
/// The most bytes of an event, as far as a backlog of them needs room.
const EVENT: usize = 1_024;
/// How long closing may take: everything is finished by then, and only the last commits are on their way.
const CLOSE: Duration = Duration::from_secs(30);

/// Publishes a table on a bus of its own, and waits until both groups are through with it.
///
/// # Errors
/// [`RunError`], where the job breaks off; an event that fails is none.
pub(crate) fn run(input: &Input, settings: &Settings) -> Result<Outcome, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    runtime.block_on(on_bus(input, settings))
}

/// What the broker may hold: few enough events that they are still in the processor's cache when they are handled, and
/// enough for both groups to work on while commits, which make room, are on their way.
/// A backlog has to fit whole, into one partition if need be.
fn memory(partitions: u32, backlog: usize) -> MemoryConfig {
    let share = WINDOW / usize::try_from(partitions).unwrap_or(usize::MAX);
    MemoryConfig {
        partitions,
        retention_events: share.max(LEAST).max(backlog),
        retention_bytes: MemoryConfig::default().retention_bytes.max(backlog * EVENT),
        publish_wait: ROOM,
        ..MemoryConfig::default()
    }
}

async fn on_bus(input: &Input, settings: &Settings) -> Result<Outcome, RunError> {
    let letters = Arc::new(MemoryDeadLetters::new());
    let topic = TopicName::new("flights")?;
    let total = input.malformed.len() + input.timeline.len();
    let backlog = settings.backlog.map_or(0, |backlog| usize::try_from(backlog).unwrap_or(total).min(total));
    let memory = memory(settings.partitions, backlog);
    let bus = EventBus::builder().memory(memory).dead_letters(letters.clone()).build()?;
    let departures = Arc::new(Departures::new(total));
    let hangar = Arc::new(Hangar::new(OrderChecker::new(input.timeline.aircraft()), departures.clone())?);
    let counters = Arc::new(Counters::new());
    let hardship = Arc::new(Hardship::new(settings, bus.clock().clone()));
    let work = |name| (name, &topic, total as u64);
    let started = Stopwatch::start();
    let first = backlog.div_ceil(BATCH);
    publish::publish(&bus, &topic, input, &departures, 0..first).await?;
    let log = settings.backlog.map(|_| Log::new((first * BATCH).min(total) as u64));
    let recovery = log.as_ref().map(Log::options);
    let (register, trouble) = (hangar.clone(), hardship.clone());
    let aircraft = Group::open(&bus, work("aircraft"), settings, register, trouble, recovery).await?;
    let (register, trouble) = (counters.clone(), hardship.clone());
    let carriers = Group::open(&bus, work("carriers"), settings, register, trouble, None).await?;
    let groups = [&aircraft, &carriers];

    let watch = Watch::new(groups, total as u64, settings.patience, bus.clock().clone());
    let work = async {
        publish::publish(&bus, &topic, input, &departures, first..usize::MAX).await?;
        if settings.plan.is_some() {
            for group in groups {
                group.through(total as u64).await;
            }
            redrive::repair(&bus, groups, &hardship).await?;
        }
        Ok(())
    };
    let peaks = watch.over(work).await?;
    let recovery = worked_off(log, &aircraft).await;
    bus.close(CLOSE).await;
    let elapsed = started.elapsed();

    let aircraft = aircraft.figures(&letters, &input.malformed).await?;
    let carriers = carriers.figures(&letters, &input.malformed).await?;
    let (books, latency) = collect(&hangar, &counters)?;
    let Hangar { checker, .. } = &*hangar;
    let (violations, rewinds, shown) = (checker.violations(), checker.rewinds(), checker.shown());
    Ok(Outcome { books, aircraft, carriers, peaks, violations, rewinds, shown, recovery, elapsed, latency })
}

/// Waits until a group that has handled everything is as it was, and tells how it came there.
async fn worked_off(log: Option<Log>, group: &Group) -> Option<Recovery> {
    let log = log?;
    let drained = log.elapsed();
    group.subscription.wait_until(|stats| stats.recovery.mode == RecoveryMode::Normal).await;
    Some(log.recovery(drained, log.elapsed()))
}

/// Puts the parts of what the groups kept together.
fn collect(hangar: &Hangar, counters: &Counters) -> Result<(Books, Histogram<u64>), RunError> {
    let (mut books, mut latency) = (Books::default(), histogram()?);
    for mut bay in hangar.bays.parts() {
        books.fleet.merge(std::mem::take(&mut bay.fleet))?;
        latency.add(&bay.latency)?;
    }
    counters.0.parts().for_each(|traffic| books.traffic.merge(&traffic));
    Ok((books, latency))
}

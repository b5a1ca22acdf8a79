//! Events that the broker deleted.

use std::sync::{Arc, Mutex, PoisonError};

use laneway_application::consume::{Hooks, MissingRange};

use super::super::adapter::{Needs, WhenFull};
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{event, given, series};
use super::super::world::World;

const KEEP: usize = 10;

fn needs() -> Needs {
    Needs { partitions: 1, keep: Some(KEEP), when_full: WhenFull::DropOldest, ..Needs::default() }
}

async fn trim(world: &World) {
    let trim = given("control that trims", world.controls().trim.clone());
    trim(world.topic()).await;
}

pub(crate) async fn a_gap_is_reported_and_reading_goes_on(lab: Lab) {
    let world = lab.world(needs()).await;
    world.record().may_leave_events();
    let (bus, journal, latch) = (world.bus(), world.journal(), Latch::shut());
    let told = Arc::new(Mutex::new(Vec::<MissingRange>::new()));
    let mut options = world.options("readers");
    (options.batch_events, options.buffer.partition_events) = (1, 1);
    let hears = told.clone();
    options.hooks = Hooks::default().on_gap(move |range| {
        hears.lock().unwrap_or_else(PoisonError::into_inner).push(range.clone());
    });
    let subscription = world.subscribe(&bus, options, journal.behind(&latch)).await;
    world.publish(&bus, vec![event(&world.topic(), "a", 1)]).await;
    world.until("its handler runs", || journal.count(What::Started) == 1).await;
    for number in 2..=100 {
        world.publish(&bus, vec![event(&world.topic(), "a", number)]).await;
    }
    trim(&world).await;
    latch.open();
    world.until("the last event is handled", || journal.has(What::Done, "a", 100)).await;
    world.close(&bus).await;
    let told = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(!told.is_empty(), "the hook heard of it");
    assert!(
        told.iter().all(|range| range.topic == world.topic() && range.from.rank() < range.to.rank()),
        "{told:?}"
    );
    assert_eq!(
        (subscription.stats().gaps, subscription.health().gaps),
        (told.len() as u64, told.len() as u64)
    );
    assert!(journal.done() < 100, "some were gone before they were read");
    every_hole_is_told(&journal, &told);
}

/// Sees that each position that was not handled lies in a range that was told, and no handled one does.
fn every_hole_is_told(journal: &super::super::journal::Journal, told: &[MissingRange]) {
    let lines = journal.lines();
    let handled: Vec<_> = lines.iter().filter(|line| line.what == What::Done).map(|l| l.position).collect();
    let is_told = |at| told.iter().any(|range| !range.from.is_past(at) && range.to.is_past(at));
    assert!(handled.iter().all(|position| !is_told(*position)), "{told:?} was handled in part: {handled:?}");
    for pair in handled.windows(2).filter(|pair| pair[1].value() > pair[0].value() + 1) {
        let hole = laneway_domain::Position::new(pair[0].value() + 1);
        assert!(is_told(hole), "{hole} is missing in silence: {told:?}");
    }
}

pub(crate) async fn what_was_deleted_while_a_group_was_away_is_reported_when_it_returns(lab: Lab) {
    let world = lab.world(needs()).await;
    world.record().may_leave_events();
    let (bus, journal) = (world.bus(), world.journal());
    world.subscribe(&bus, world.options("readers"), journal.plain()).await;
    world.publish(&bus, series(&world.topic(), "a", 5)).await;
    world.until_done(&journal, 5).await;
    world.close(&bus).await;
    let bus = world.bus();
    for number in 6..=100 {
        world.publish(&bus, vec![event(&world.topic(), "a", number)]).await;
    }
    trim(&world).await;
    let subscription = world.subscribe(&bus, world.options("readers"), journal.of_bus(1)).await;
    world.until("the last event is handled", || journal.has(What::Done, "a", 100)).await;
    world.until("the gap is counted", || subscription.stats().gaps == 1).await;
    world.until("the gap is in the health", || subscription.health().gaps == 1).await;
    world.close(&bus).await;
    assert!(journal.done() < 100);
}

pub(crate) async fn what_was_handled_may_be_deleted_without_a_gap(lab: Lab) {
    let world = lab.world(needs()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let subscription = world.subscribe(&bus, world.options("readers"), journal.plain()).await;
    for number in 1..=100 {
        world.publish(&bus, vec![event(&world.topic(), "a", number)]).await;
        world.until("it is handled", || journal.has(What::Done, "a", number)).await;
    }
    world.close(&bus).await;
    trim(&world).await;
    assert_eq!(subscription.stats().gaps, 0);
    let bus = world.bus();
    let subscription = world.subscribe(&bus, world.options("readers"), journal.of_bus(1)).await;
    world.publish(&bus, vec![event(&world.topic(), "a", 101)]).await;
    world.until_done(&journal, 101).await;
    world.close(&bus).await;
    assert_eq!(subscription.stats().gaps, 0);
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
}

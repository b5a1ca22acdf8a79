//! The end of a bus.

use std::time::Duration;

use laneway_application::consume::{RunPhase, SubscriptionError};
use laneway_domain::PublishFault;

use super::super::adapter::Needs;
use super::super::journal::{Journal, What};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::member::Member;
use super::super::said::{braid, event, names, series, sure};
use super::super::world::World;

/// How late a close may be on a machine that has much to do.
const LATE: Duration = Duration::from_secs(2);

pub(crate) async fn publishing_after_close_is_refused_as_closed(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let bus = world.bus();
    world.publish(&bus, series(&world.topic(), "a", 2)).await;
    world.close(&bus).await;
    let one = bus.publish(event(&world.topic(), "a", 3)).await;
    let more = bus.publish_batch(series(&world.topic(), "a", 3)).await;
    assert_eq!(more.len(), 3);
    for answer in more.into_iter().chain([one]) {
        let fault = answer.as_ref().map_err(laneway_domain::PublishError::fault);
        assert!(matches!(fault, Err(PublishFault::Closed)), "{answer:?}");
    }
    let journal = world.journal();
    let other = world.bus();
    world.subscribe(&other, world.options("readers"), journal.plain()).await;
    world.publish(&other, vec![event(&world.topic(), "a", 3)]).await;
    world.until_done(&journal, 3).await;
    world.close(&other).await;
    journal.must_hold_nothing_twice();
}

pub(crate) async fn subscribing_after_close_is_refused_as_closed(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    world.close(&bus).await;
    let refused = bus.subscribe(world.options("readers"), journal.plain()).await;
    assert!(matches!(refused, Err(SubscriptionError::Closed)), "{refused:?}");
}

pub(crate) async fn many_tasks_may_close_one_bus_at_once(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(20));
    let subscription = world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    world.publish(&bus, braid(&world.topic(), &all, 20)).await;
    world.until_done(&journal, 10).await;
    let closing = (0..20).map(|_| {
        let (world, bus) = (world.clone(), bus.clone());
        tokio::spawn(async move { world.close(&bus).await })
    });
    for closer in closing.collect::<Vec<_>>() {
        sure("a close", closer.await);
    }
    assert_eq!(subscription.health().phase, RunPhase::Ended(None));
    resume(&world, &journal, 400).await;
    journal.must_hold_all(&all, 20);
}

pub(crate) async fn no_handler_starts_after_the_signal_and_running_ones_end(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(50), Latch::shut());
    let mut options = world.options("workers");
    options.max_in_flight = 5;
    let subscription = world.subscribe(&bus, options, journal.behind(&latch)).await;
    world.publish(&bus, braid(&world.topic(), &all, 2)).await;
    world.until("five handlers run", || journal.count(What::Started) == 5).await;
    let closing = tokio::spawn({
        let (world, bus) = (world.clone(), bus.clone());
        async move { world.close(&bus).await }
    });
    world.until("it is closing", || subscription.health().phase == RunPhase::Closing).await;
    latch.open();
    sure("the close", closing.await);
    assert_eq!((journal.count(What::Started), journal.done()), (5, 5));
    resume(&world, &journal, 100).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 2);
    if lab.capabilities().subscriber.state_bytes > 0 {
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn a_close_drops_a_handler_that_never_ends_by_its_deadline(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|_, _| std::future::pending());
    world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, series(&world.topic(), "a", 2)).await;
    world.until("its handler runs", || journal.count(What::Started) == 1).await;
    closes_in_time(&world, &bus).await;
    world.until("its future is dropped", || journal.count(What::Dropped) == 1).await;
    resume(&world, &journal, 2).await;
    journal.must_be_in_order();
}

pub(crate) async fn a_close_ends_by_its_deadline_beside_a_handler_that_cannot_be_dropped(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, latch) = (world.bus(), world.journal(), Latch::shut());
    world.subscribe(&bus, world.options("workers"), journal.behind(&latch).that_finishes()).await;
    world.publish(&bus, series(&world.topic(), "a", 2)).await;
    world.until("its handler runs", || journal.count(What::Started) == 1).await;
    closes_in_time(&world, &bus).await;
    assert_eq!(journal.count(What::Dropped), 0, "what cannot be dropped goes on");
    resume(&world, &journal, 2).await;
    latch.open();
    world.until_done(&journal, 3).await;
    assert_eq!(journal.times(What::Done, "a", 1), 2, "it was not committed, and ran again elsewhere");
}

pub(crate) async fn a_second_close_with_less_time_hurries_the_first(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let handler = journal.handler(|_, _| std::future::pending());
    let subscription = world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, series(&world.topic(), "a", 1)).await;
    world.until("its handler runs", || journal.count(What::Started) == 1).await;
    let patient = tokio::spawn({
        let bus = bus.clone();
        async move { bus.close(Duration::from_secs(25)).await }
    });
    world.until("it is closing", || subscription.health().phase == RunPhase::Closing).await;
    let began = world.now();
    bus.close(Duration::from_millis(200)).await;
    sure("the first close", patient.await);
    let took = world.now().since(began);
    assert!(took < LATE, "it took {took:?}");
    world.record().may_leave_events();
}

pub(crate) async fn closing_one_subscription_leaves_the_others(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journals) = (world.bus(), [world.journal(), world.journal()]);
    let one = world.subscribe(&bus, world.options("one"), journals[0].plain()).await;
    world.subscribe(&bus, world.options("two"), journals[1].plain()).await;
    world.publish(&bus, series(&world.topic(), "a", 5)).await;
    world.until_done(&journals[0], 5).await;
    one.close(Duration::from_secs(5)).await;
    assert_eq!(bus.subscriptions().len(), 1);
    let events = (6..=10).map(|number| event(&world.topic(), "a", number));
    world.publish(&bus, events.collect()).await;
    world.until_done(&journals[1], 10).await;
    world.close(&bus).await;
    assert_eq!(journals[0].done(), 5);
    world.record().may_leave_events();
}

/// Closes the bus, and sees that this takes no longer than it may.
async fn closes_in_time(world: &World, bus: &Member) {
    let (began, within) = (world.now(), Duration::from_millis(500));
    bus.close(within).await;
    let took = world.now().since(began);
    assert!(took < within + LATE, "it took {took:?}");
}

/// Lets another bus handle what is left, until `count` runs are done.
async fn resume(world: &World, journal: &Journal, count: usize) {
    let bus = world.bus();
    world.subscribe(&bus, world.options("workers"), journal.of_bus(1)).await;
    world.until_done(journal, count).await;
    world.close(&bus).await;
}

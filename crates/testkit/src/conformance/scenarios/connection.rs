//! A connection that is lost, and comes back.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use laneway_application::consume::Hooks;
use laneway_domain::ConnectionChange;

use super::super::adapter::Needs;
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, event, given, names, series, sure};
use super::super::world::World;

async fn disconnect(world: &World) {
    given("control that disconnects", world.controls().disconnect.clone())(()).await;
}

async fn reconnect(world: &World) {
    given("control that reconnects", world.controls().reconnect.clone())(()).await;
}

pub(crate) async fn health_tells_of_a_lost_connection_until_it_stands_again(lab: Lab) {
    let world = lab.world(Needs::default().with_faults()).await;
    let (bus, journal, heard) = (world.bus(), world.journal(), Arc::new(Mutex::new(Vec::new())));
    let (mut options, hears) = (world.options("workers"), heard.clone());
    options.hooks = Hooks::default().on_connection(move |change| {
        let down = matches!(change, ConnectionChange::Down { reason } if !reason.is_empty());
        hears.lock().unwrap_or_else(PoisonError::into_inner).push(down);
    });
    let subscription = world.subscribe(&bus, options, journal.plain()).await;
    world.publish(&bus, series(&world.topic(), "a", 10)).await;
    world.until_done(&journal, 10).await;
    assert!(subscription.health().is_good(), "{:?}", subscription.health());
    disconnect(&world).await;
    world.until("health tells of it", || subscription.health().connection.is_some()).await;
    assert!(!subscription.health().is_good());
    reconnect(&world).await;
    world.until("health is good again", || subscription.health().is_good()).await;
    let rest = (11..=20).map(|number| event(&world.topic(), "a", number));
    world.publish(&bus, rest.collect()).await;
    world.until_done(&journal, 20).await;
    world.close(&bus).await;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let first = heard.iter().skip_while(|down| !**down).take(2).copied().collect::<Vec<_>>();
    assert_eq!(first, [true, false], "the hook heard that it was lost and came back: {heard:?}");
    journal.must_be_in_order();
    journal.must_hold_all(&["a".to_owned()], 20);
}

pub(crate) async fn a_lost_connection_loses_no_event_and_no_order(lab: Lab) {
    let world = lab.world(Needs::default().with_faults()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(20));
    let subscription = world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    for round in 0..3 {
        // Some are on their way when the connection is lost, and some come while it is.
        let (before, behind) = (round * 20 + 1..=round * 20 + 10, round * 20 + 11..=round * 20 + 20);
        publish_stubbornly(world.clone(), all.clone(), before).await;
        disconnect(&world).await;
        let publishing = tokio::spawn(publish_stubbornly(world.clone(), all.clone(), behind));
        world.until("the connection is lost", || subscription.health().connection.is_some()).await;
        reconnect(&world).await;
        world.until("it stands again", || subscription.health().connection.is_none()).await;
        sure("publishing", publishing.await);
    }
    let last = || all.iter().all(|name| journal.has(What::Done, name, 60));
    world.until("the last event of each aggregate is handled", last).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 60);
}

/// Publishes the events of these numbers, each until it is acknowledged.
async fn publish_stubbornly(world: World, aggregates: Vec<String>, numbers: RangeInclusive<u64>) {
    let (bus, topic) = (world.bus(), world.topic());
    let turn = |number| aggregates.iter().map(move |name| (name, number));
    let events: Vec<_> = numbers.flat_map(turn).map(|(name, number)| event(&topic, name, number)).collect();
    for sent in events {
        while let Err(error) = bus.publish(sent.clone()).await {
            assert!(error.is_retryable(), "{error}");
            world.look().await;
        }
    }
}

pub(crate) async fn handlers_end_without_a_connection_and_what_they_did_counts(lab: Lab) {
    let world = lab.world(Needs::default().with_faults()).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(10), Latch::shut());
    let handler = journal.behind(&latch);
    let subscription = world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 1)).await;
    world.until("every lane runs", || journal.count(What::Started) == 10).await;
    disconnect(&world).await;
    world.until("the connection is lost", || subscription.health().connection.is_some()).await;
    latch.open();
    world.until_done(&journal, 10).await;
    reconnect(&world).await;
    world.until("it stands again", || subscription.health().is_good()).await;
    world.until("all is counted", || subscription.stats().handled == 10).await;
    world.close(&bus).await;
    let other = world.bus();
    world.subscribe(&other, world.options("workers"), journal.of_bus(1)).await;
    world.publish(&other, all.iter().map(|name| event(&world.topic(), name, 2)).collect()).await;
    let second = || all.iter().all(|name| journal.has(What::Done, name, 2));
    world.until("what came later is handled", second).await;
    world.close(&other).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 2);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn no_handler_starts_after_its_permission_has_run_out(lab: Lab) {
    let world = lab.world(Needs::default().with_faults()).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(20), Latch::shut());
    let mut options = world.options("workers");
    options.max_in_flight = 5;
    let subscription = world.subscribe(&bus, options, journal.behind(&latch)).await;
    world.publish(&bus, braid(&world.topic(), &all, 2)).await;
    world.until("five handlers run", || journal.count(What::Started) == 5).await;
    disconnect(&world).await;
    world.until("the connection is lost", || subscription.health().connection.is_some()).await;
    let run_out = || bus.permits().until().is_some_and(|until| until < world.now());
    world.until("the permission has run out", run_out).await;
    latch.open();
    world.until_done(&journal, 5).await;
    let none = || journal.count(What::Started) == 5;
    world.throughout(std::time::Duration::from_millis(200), "no handler starts", none).await;
    reconnect(&world).await;
    world.until("all are handled", || journal.done() >= 40).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 2);
}

//! Partitions are taken away, and given back, while handlers run.

use std::time::Duration;

use laneway_application::consume::SubscriptionOptions;
use laneway_domain::HandlerError;

use super::super::adapter::Needs;
use super::super::journal::{Journal, What, Witness};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, failure, given, names, series};
use super::super::world::World;

type Stalled = laneway_domain::BoxFuture<Result<(), HandlerError>>;

/// A handler that waits for the door, and then does what `ends` says.
fn stalled(
    journal: &Journal,
    latch: &Latch,
    ends: fn(u32) -> Result<(), HandlerError>,
) -> Witness<impl Fn(laneway_domain::Event, u32) -> Stalled + use<>> {
    let door = latch.clone();
    journal.handler(move |_, attempt| -> Stalled {
        let door = door.clone();
        Box::pin(async move {
            door.pass().await;
            ends(attempt)
        })
    })
}

fn impatient(world: &World) -> SubscriptionOptions {
    let mut options = world.options("workers");
    options.drain = Duration::from_millis(100);
    options
}

/// Expels the group, and waits until its `partitions` are assigned anew.
async fn expel(world: &World, partitions: usize) {
    let before = world.record().assignments();
    let expel = given("control that expels", world.controls().expel.clone());
    expel(world.group("workers")).await;
    let again = || world.record().assignments() >= before + partitions;
    world.until("its partitions are assigned anew", again).await;
}

pub(crate) async fn partitions_that_come_back_find_their_lanes_in_order(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (bus, guest, journal, all) = (world.bus(), world.bus(), world.journal(), names(10));
    let (latch, never) = (Latch::shut(), Latch::shut());
    let one = world.subscribe(&bus, impatient(&world), stalled(&journal, &latch, |_| Ok(())).of_bus(1)).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until("every lane runs", || journal.count(What::Started) == 10).await;
    let two =
        world.subscribe(&guest, impatient(&world), stalled(&journal, &never, |_| Ok(())).of_bus(2)).await;
    world.until("both have one", || (one.stats().partitions, two.stats().partitions) == (1, 1)).await;
    guest.close(Duration::from_millis(100)).await;
    world.until("the first has both again", || one.stats().partitions == 2).await;
    latch.open();
    world.until_done(&journal, 50).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
    journal.must_hold_nothing_twice();
    assert!(journal.count(What::Dropped) > 0, "what ran too long was dropped");
}

pub(crate) async fn handlers_that_end_in_time_are_not_repeated_by_the_next_owner(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (bus, guest, journal, all, latch) =
        (world.bus(), world.bus(), world.journal(), names(10), Latch::shut());
    let mut options = world.options("workers");
    options.drain = Duration::from_secs(15);
    world.subscribe(&bus, options, stalled(&journal, &latch, |_| Ok(())).of_bus(1)).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until("every lane runs", || journal.count(What::Started) == 10).await;
    let two = world.subscribe(&guest, world.options("workers"), journal.of_bus(2)).await;
    latch.open();
    world.until("the second has one", || two.stats().partitions == 1).await;
    world.until_done(&journal, 50).await;
    world.close(&bus).await;
    world.close(&guest).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
    if lab.capabilities().subscriber.state_bytes > 0 {
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn the_success_of_a_handler_that_cannot_be_dropped_is_adopted_when_its_partition_returns(
    lab: Lab,
) {
    let world = lab.world(Needs::partitions(2)).await;
    let (bus, guest, journal, all) = (world.bus(), world.bus(), world.journal(), names(10));
    let (latch, never) = (Latch::shut(), Latch::shut());
    let handler = stalled(&journal, &latch, |_| Ok(())).of_bus(1).that_finishes();
    let one = world.subscribe(&bus, impatient(&world), handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until("every lane runs", || journal.count(What::Started) == 10).await;
    let two =
        world.subscribe(&guest, impatient(&world), stalled(&journal, &never, |_| Ok(())).of_bus(2)).await;
    world.until("both have one", || (one.stats().partitions, two.stats().partitions) == (1, 1)).await;
    guest.close(Duration::from_millis(100)).await;
    world.until("the first has both again", || one.stats().partitions == 2).await;
    world.until("what came back waits behind its ghosts", || one.stats().open == 50).await;
    latch.open();
    world.until_done(&journal, 50).await;
    world.until("all is counted", || one.stats().handled == 50).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn an_expelled_group_adopts_what_could_not_be_dropped(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(10), Latch::shut());
    let handler = stalled(&journal, &latch, |_| Ok(())).that_finishes();
    let one = world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until("every lane runs", || journal.count(What::Started) == 10).await;
    expel(&world, 2).await;
    world.until("all came back", || one.stats().open == 50).await;
    latch.open();
    world.until_done(&journal, 50).await;
    world.until("all is counted", || one.stats().handled == 50).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn the_failure_of_a_handler_that_outlived_its_tenure_is_no_success(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(10), Latch::shut());
    let (door, tries) = (latch.clone(), std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let handler = journal.handler(move |_, _| {
        let (door, tries) = (door.clone(), tries.clone());
        async move {
            door.pass().await;
            let first = tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 10;
            if first { Err(failure()) } else { Ok(()) }
        }
    });
    let one = world.subscribe(&bus, world.options("workers"), handler.that_finishes()).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until("every lane runs", || journal.count(What::Started) == 10).await;
    expel(&world, 2).await;
    world.until("all came back", || one.stats().open == 50).await;
    latch.open();
    world.until_done(&journal, 50).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
    assert_eq!(journal.count(What::Failed), 10);
}

pub(crate) async fn an_expelled_group_goes_on_in_order(lab: Lab) {
    let world = lab.world(Needs::partitions(4)).await;
    let (buses, journal, all) = ([world.bus(), world.bus()], world.journal(), names(40));
    for (number, bus) in (0..).zip(&buses) {
        world.subscribe(bus, world.options("workers"), journal.of_bus(number)).await;
    }
    for round in 0..10_u64 {
        let turns =
            (round * 5 + 1..=round * 5 + 5).flat_map(|number| all.iter().map(move |name| (name, number)));
        let events = turns.map(|(name, number)| super::super::said::event(&world.topic(), name, number));
        world.publish(&buses[0], events.collect()).await;
        expel(&world, 4).await;
    }
    let last = || all.iter().all(|name| journal.has(What::Done, name, 50));
    world.until_done(&journal, 40 * 50).await;
    world.until("the last event of each aggregate is handled", last).await;
    for bus in &buses {
        world.close(bus).await;
    }
    journal.must_be_in_order();
    journal.must_hold_all(&all, 50);
}

pub(crate) async fn a_full_lane_of_an_expelled_group_opens_again(lab: Lab) {
    for finishes in [false, true] {
        let world = lab.world(Needs::partitions(1)).await;
        let (bus, journal, latch) = (world.bus(), world.journal(), Latch::shut());
        let mut options = world.options("workers");
        (options.lane_capacity, options.batch_events) = (5, 5);
        let handler = stalled(&journal, &latch, |_| Ok(()));
        let handler = if finishes { handler.that_finishes() } else { handler };
        let one = world.subscribe(&bus, options, handler).await;
        world.publish(&bus, series(&world.topic(), "a", 100)).await;
        world.until("its lane is full", || one.stats().open > 5).await;
        assert_eq!(one.lanes(1).await.len(), 1);
        expel(&world, 1).await;
        world.until("its lane is full again", || one.stats().open > 5).await;
        latch.open();
        world.until("the last event is handled", || journal.has(What::Done, "a", 100)).await;
        world.close(&bus).await;
        journal.must_be_in_order();
        journal.must_hold_all(&["a".to_owned()], 100);
    }
}

//! Partitions are taken away, and given back, while handlers run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_domain::Handler;

use super::super::adapter::Needs;
use super::super::journal::{Journal, What};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::member::Member;
use super::super::said::{braid, failure, given, names, series};
use super::super::world::World;

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

/// Ten lanes of five events each in two partitions: the first of each runs, and waits at a door.
struct Scene {
    world: World,
    bus: Member,
    journal: Journal,
    all: Vec<String>,
    latch: Latch,
    subscription: Subscription,
}

impl Scene {
    async fn set<H: Handler>(
        world: World,
        options: SubscriptionOptions,
        handler: impl FnOnce(&Journal, &Latch) -> H,
    ) -> Self {
        let (bus, journal, all, latch) = (world.bus(), world.journal(), names(10), Latch::shut());
        let subscription = world.subscribe(&bus, options, handler(&journal, &latch)).await;
        world.publish(&bus, braid(&world.topic(), &all, 5)).await;
        world.until("every lane runs", || journal.count(What::Started) == 10).await;
        Self { world, bus, journal, all, latch, subscription }
    }

    /// A guest takes one of the partitions, handles nothing, and leaves.
    async fn lend(&self) {
        let (Self { world, journal, subscription: one, .. }, guest) = (self, self.world.bus());
        let never = journal.behind(&Latch::shut()).of_bus(2);
        let two = world.subscribe(&guest, impatient(world), never).await;
        world.until("both have one", || (one.stats().partitions, two.stats().partitions) == (1, 1)).await;
        guest.close(Duration::from_millis(100)).await;
        world.until("the first has both again", || one.stats().partitions == 2).await;
    }

    /// Waits until every event came back and waits behind what still runs.
    async fn all_came_back(&self) {
        self.world.until("all came back", || self.subscription.stats().open == 50).await;
    }

    /// Opens the door, and sees that all is handled in order.
    async fn end(&self) {
        let Self { world, bus, journal, all, .. } = self;
        self.latch.open();
        world.until_done(journal, 50).await;
        world.until("nothing is open", || self.subscription.stats().open == 0).await;
        world.close(bus).await;
        journal.must_be_in_order();
        journal.must_hold_all(all, 5);
    }
}

pub(crate) async fn partitions_that_come_back_find_their_lanes_in_order(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let options = impatient(&world);
    let scene = Scene::set(world, options, |journal, latch| journal.behind(latch).of_bus(1)).await;
    scene.lend().await;
    scene.end().await;
    scene.journal.must_hold_nothing_twice();
    assert!(scene.journal.count(What::Dropped) > 0, "what ran too long was dropped");
}

pub(crate) async fn handlers_that_end_in_time_are_not_repeated_by_the_next_owner(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let mut options = world.options("workers");
    options.drain = Duration::from_secs(15);
    let scene = Scene::set(world, options, |journal, latch| journal.behind(latch).of_bus(1)).await;
    let (world, journal, guest) = (&scene.world, &scene.journal, scene.world.bus());
    let two = world.subscribe(&guest, world.options("workers"), journal.of_bus(2)).await;
    scene.latch.open();
    world.until("the second has one", || two.stats().partitions == 1).await;
    world.until_done(journal, 50).await;
    world.close(&guest).await;
    scene.end().await;
    if lab.capabilities().subscriber.state_bytes > 0 {
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn the_success_of_a_handler_that_cannot_be_dropped_is_adopted_when_its_partition_returns(
    lab: Lab,
) {
    let world = lab.world(Needs::partitions(2)).await;
    let options = impatient(&world);
    let finishing = |journal: &Journal, latch: &Latch| journal.behind(latch).of_bus(1).that_finishes();
    let scene = Scene::set(world, options, finishing).await;
    scene.lend().await;
    scene.all_came_back().await;
    scene.end().await;
    assert_eq!(scene.subscription.stats().handled, 50, "all is counted");
    scene.journal.must_hold_nothing_twice();
}

pub(crate) async fn an_expelled_group_adopts_what_could_not_be_dropped(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let options = world.options("workers");
    let scene = Scene::set(world, options, |journal, latch| journal.behind(latch).that_finishes()).await;
    expel(&scene.world, 2).await;
    scene.all_came_back().await;
    scene.end().await;
    assert_eq!(scene.subscription.stats().handled, 50, "all is counted");
    scene.journal.must_hold_nothing_twice();
}

pub(crate) async fn the_failure_of_a_handler_that_outlived_its_tenure_is_no_success(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (options, tries) = (world.options("workers"), Arc::new(AtomicUsize::new(0)));
    let failing = |journal: &Journal, latch: &Latch| {
        let door = latch.clone();
        let handler = journal.handler(move |_, _| {
            let (door, tries) = (door.clone(), tries.clone());
            async move {
                door.pass().await;
                if tries.fetch_add(1, Ordering::SeqCst) < 10 { Err(failure()) } else { Ok(()) }
            }
        });
        handler.that_finishes()
    };
    let scene = Scene::set(world, options, failing).await;
    expel(&scene.world, 2).await;
    scene.all_came_back().await;
    scene.end().await;
    assert_eq!(scene.journal.count(What::Failed), 10);
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
        let handler = journal.behind(&latch);
        let handler = if finishes { handler.that_finishes() } else { handler };
        let one = world.subscribe(&bus, options, handler).await;
        world.publish(&bus, series(&world.topic(), "a", 100)).await;
        world.until("its lane is full", || one.stats().open > 5).await;
        assert_eq!(one.lanes(1).await.len(), 1);
        expel(&world, 1).await;
        // Behind what could not be dropped the first batch fills it, and a second may come or not.
        let full = if finishes { 5 } else { 6 };
        world.until("its lane is full again", || one.stats().open >= full).await;
        latch.open();
        world.until("the last event is handled", || journal.has(What::Done, "a", 100)).await;
        world.close(&bus).await;
        journal.must_be_in_order();
        journal.must_hold_all(&["a".to_owned()], 100);
    }
}

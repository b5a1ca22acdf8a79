//! Partitions move between members while events flow.

use tokio::task::JoinHandle;

use super::super::adapter::Needs;
use super::super::journal::Journal;
use super::super::lab::Lab;
use super::super::said::{event, names, sure};
use super::super::world::World;

/// How many aggregates there are.
const AGGREGATES: usize = 40;
/// How many events each has.
const LAST: u64 = 60;
const ALL: usize = AGGREGATES * 60;

/// Publishes all events in turns, and lets the others run in between.
fn flow(world: &World) -> JoinHandle<()> {
    let world = world.clone();
    tokio::spawn(async move {
        let (bus, all) = (world.bus(), names(AGGREGATES));
        for number in 1..=LAST {
            let turn = all.iter().map(|name| event(&world.topic(), name, number));
            world.publish(&bus, turn.collect()).await;
            tokio::task::yield_now().await;
        }
    })
}

async fn all_is_handled(world: &World, publishing: JoinHandle<()>, journal: &Journal) {
    sure("publishing", publishing.await);
    let last_ones =
        || names(AGGREGATES).iter().all(|name| journal.has(super::super::journal::What::Done, name, LAST));
    world.until_done(journal, ALL).await;
    world.until("the last event of each aggregate is handled", last_ones).await;
    journal.must_be_in_order();
    journal.must_hold_all(&names(AGGREGATES), LAST);
}

pub(crate) async fn a_member_that_joins_takes_its_share_in_order(lab: Lab) {
    let world = lab.world(Needs::partitions(6)).await;
    let (journal, first, second) = (world.journal(), world.bus(), world.bus());
    let one = world.subscribe(&first, world.options("workers"), journal.of_bus(1)).await;
    let publishing = flow(&world);
    world.until_done(&journal, ALL / 10).await;
    let two = world.subscribe(&second, world.options("workers"), journal.of_bus(2)).await;
    world.until("both have three", || (one.stats().partitions, two.stats().partitions) == (3, 3)).await;
    all_is_handled(&world, publishing, &journal).await;
    world.close(&first).await;
    world.close(&second).await;
    if lab.capabilities().subscriber.state_bytes > 0 {
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn a_member_that_leaves_hands_its_share_over_in_order(lab: Lab) {
    let world = lab.world(Needs::partitions(6)).await;
    let (journal, first, second) = (world.journal(), world.bus(), world.bus());
    world.subscribe(&first, world.options("workers"), journal.of_bus(1)).await;
    let two = world.subscribe(&second, world.options("workers"), journal.of_bus(2)).await;
    world.until("the second has three", || two.stats().partitions == 3).await;
    let publishing = flow(&world);
    world.until_done(&journal, ALL / 10).await;
    world.close(&first).await;
    world.until("the second has all", || two.stats().partitions == 6).await;
    all_is_handled(&world, publishing, &journal).await;
    world.close(&second).await;
    if lab.capabilities().subscriber.state_bytes > 0 {
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn a_member_that_crashes_takes_nothing_with_it(lab: Lab) {
    let world = lab.world(Needs::partitions(6)).await;
    let (journal, process, survivor) = (world.journal(), world.process(), world.bus());
    let dying = world.watch(process.subscribe(world.options("workers"), journal.of_bus(1)).await);
    let left = world.subscribe(&survivor, world.options("workers"), journal.of_bus(2)).await;
    world.until("both have three", || (dying.stats().partitions, left.stats().partitions) == (3, 3)).await;
    let publishing = flow(&world);
    world.until_done(&journal, ALL / 10).await;
    process.crash().await;
    world.until("the other has all", || left.stats().partitions == 6).await;
    all_is_handled(&world, publishing, &journal).await;
    world.close(&survivor).await;
}

pub(crate) async fn members_come_and_go_and_order_is_kept(lab: Lab) {
    let world = lab.world(Needs::partitions(6)).await;
    let (journal, rock) = (world.journal(), world.bus());
    world.subscribe(&rock, world.options("workers"), journal.of_bus(0)).await;
    let publishing = flow(&world);
    for number in 1..=6 {
        let before = journal.done();
        let guest = world.process();
        let subscription =
            world.watch(guest.subscribe(world.options("workers"), journal.of_bus(number)).await);
        world.until("the guest has three", || subscription.stats().partitions == 3).await;
        world.until("something is done", || journal.done() > before || journal.done() >= ALL).await;
        if number % 2 == 0 {
            guest.crash().await;
        } else {
            subscription.close(std::time::Duration::from_secs(5)).await;
        }
    }
    all_is_handled(&world, publishing, &journal).await;
    world.close(&rock).await;
}

pub(crate) async fn a_member_beyond_the_partitions_waits_and_takes_over(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (journal, buses) = (world.journal(), [world.bus(), world.bus(), world.bus()]);
    let mut members = Vec::new();
    for (number, bus) in (0..).zip(&buses) {
        members.push(world.subscribe(bus, world.options("workers"), journal.of_bus(number)).await);
    }
    let shares = || members.iter().map(|member| member.stats().partitions).collect::<Vec<_>>();
    world.until("two of three have one", || shares().iter().filter(|share| **share == 1).count() == 2).await;
    let publishing = flow(&world);
    let idle = shares().iter().position(|share| *share == 0);
    let leaves = usize::from(idle == Some(0));
    world.close(&buses[leaves]).await;
    world.until("the idle one has one", || idle.is_none_or(|idle| shares()[idle] == 1)).await;
    all_is_handled(&world, publishing, &journal).await;
    for bus in &buses {
        world.close(bus).await;
    }
}

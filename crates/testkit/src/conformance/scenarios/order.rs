//! Lanes: order within an aggregate, concurrency beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use laneway_domain::{Envelope, TenantId, TopicName};

use super::super::adapter::Needs;
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::member::Member;
use super::super::said::{braid, event, loose, names, sure};
use super::super::stalled::is_of;
use super::super::world::World;

pub(crate) async fn events_of_an_aggregate_are_handled_in_order_with_one_publisher(lab: Lab) {
    with_publishers(lab, 1, 50).await;
}

pub(crate) async fn events_of_an_aggregate_are_handled_in_order_with_three_publishers(lab: Lab) {
    with_publishers(lab, 3, 20).await;
}

pub(crate) async fn events_of_an_aggregate_are_handled_in_order_with_fifty_publishers(lab: Lab) {
    with_publishers(lab, 50, 2).await;
}

/// Each publisher has aggregates of its own, and awaits each of its batches.
async fn with_publishers(lab: Lab, publishers: usize, aggregates: usize) {
    const LAST: u64 = 20;
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    let all = names(publishers * aggregates);
    let own = all.chunks(aggregates).map(<[String]>::to_vec);
    let publishing = own.map(|own| tokio::spawn(publish_awaiting(world.clone(), bus.clone(), own, LAST)));
    for publisher in publishing.collect::<Vec<_>>() {
        sure("a publisher", publisher.await);
    }
    world.until_done(&journal, all.len() * 20).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, LAST);
    journal.must_hold_nothing_twice();
}

async fn publish_awaiting(world: World, bus: Member, aggregates: Vec<String>, last: u64) {
    let topic = world.topic();
    for number in 1..=last {
        let turn = aggregates.iter().map(|aggregate| event(&topic, aggregate, number));
        world.publish(&bus, turn.collect()).await;
    }
}

pub(crate) async fn a_hundred_thousand_events_of_a_thousand_aggregates_keep_their_order(lab: Lab) {
    const LAST: u64 = 100;
    let world = lab.world(Needs::partitions(8)).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(1_000));
    let mut options = world.options("workers");
    (options.workers, options.max_in_flight) = (20, 512);
    world.subscribe(&bus, options, journal.plain()).await;
    for batch in braid(&world.topic(), &all, LAST).chunks(2_000) {
        world.publish(&bus, batch.to_vec()).await;
    }
    world.until_done(&journal, 100_000).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, LAST);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn an_aggregate_waits_for_its_head_and_others_do_not(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, latch, topic) = (world.bus(), world.journal(), Latch::shut(), world.topic());
    let handler = journal.behind_for(&latch, is_of("aggregate-0"));
    world.subscribe(&bus, world.options("workers"), handler).await;
    let all = names(10);
    world.publish(&bus, braid(&topic, &all, 5)).await;
    world.until_done(&journal, 9 * 5).await;
    assert_eq!(journal.of("aggregate-0"), [(What::Started, 1)], "its followers wait");
    latch.open();
    world.until_done(&journal, 10 * 5).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 5);
}

pub(crate) async fn two_tenants_with_one_aggregate_id_do_not_share_a_lane(lab: Lab) {
    let all_run = |world: &World| {
        let topic = world.topic();
        let tenant = |name| sure("a tenant", TenantId::new(name));
        let of = |name| event(&topic, "order", 1).with_tenant(tenant(name));
        vec![of("acme"), of("globex"), event(&topic, "order", 1)]
    };
    run_at_once(lab, all_run).await;
}

pub(crate) async fn events_without_an_aggregate_run_at_once(lab: Lab) {
    run_at_once(lab, |world| (1..=20).map(|number| loose(&world.topic(), number)).collect()).await;
}

pub(crate) async fn aggregates_run_at_once(lab: Lab) {
    let first = |topic: TopicName| names(30).into_iter().map(move |name| event(&topic, &name, 1));
    run_at_once(lab, |world| first(world.topic()).collect()).await;
}

/// Sees that the handlers of all these events run at the same time: each waits until all have started.
async fn run_at_once(lab: Lab, events: impl Fn(&World) -> Vec<Envelope>) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, events) = (world.bus(), world.journal(), events(&world));
    let (latch, running, count) = (Latch::shut(), Arc::new(AtomicUsize::new(0)), events.len());
    let handler = journal.handler(move |_, _| {
        if running.fetch_add(1, Ordering::SeqCst) + 1 == count {
            latch.open();
        }
        let door = latch.clone();
        async move {
            door.pass().await;
            Ok(())
        }
    });
    world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, events).await;
    world.until_done(&journal, count).await;
    world.close(&bus).await;
    assert_eq!(journal.count(What::Started), count);
}

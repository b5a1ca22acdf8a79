//! Positions that hold nothing deliverable.

use std::collections::BTreeMap;

use laneway_application::publish::Receipt;
use laneway_domain::PartitionNumber;

use super::super::adapter::Needs;
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, event, given, names};
use super::super::stalled::is_of;
use super::super::world::World;

async fn pad(world: &World) {
    let pad = given("control that pads", world.controls().pad.clone());
    pad(world.topic()).await;
}

/// The newest known position of each partition.
fn ends(receipts: &[Receipt]) -> BTreeMap<PartitionNumber, u64> {
    let told = receipts.iter().filter_map(|receipt| Some((receipt.partition, receipt.position?.value())));
    told.collect()
}

pub(crate) async fn the_commit_reaches_an_end_that_holds_nothing_deliverable(lab: Lab) {
    let world = lab.world(Needs::default().with_faults()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(20));
    let subscription = world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    let before = ends(&world.publish(&bus, braid(&world.topic(), &all, 5)).await);
    world.until_done(&journal, 100).await;
    pad(&world).await;
    let took = world.until_lag("workers", 0).await;
    assert!(took.as_secs() < 5, "it took {took:?}");
    let turn = all.iter().map(|name| event(&world.topic(), name, 6)).collect();
    for (partition, at) in ends(&world.publish(&bus, turn).await) {
        let end = before.get(&partition).copied().unwrap_or(0);
        assert!(at > end + 1, "nothing stands between {end} and {at} of {partition}");
    }
    world.until_done(&journal, 120).await;
    world.until_lag("workers", 0).await;
    world.close(&bus).await;
    assert_eq!(subscription.stats().gaps, 0, "nothing was deleted");
    journal.must_be_in_order();
    journal.must_hold_all(&all, 6);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn a_group_that_returns_behind_what_is_not_deliverable_repeats_nothing(lab: Lab) {
    let world = lab.world(Needs::default().with_faults()).await;
    let (journal, all) = (world.journal(), names(20));
    for round in 1..=4_u32 {
        let (bus, number) = (world.bus(), u64::from(round));
        pad(&world).await;
        let turn = all.iter().map(|name| event(&world.topic(), name, number));
        world.publish(&bus, turn.collect()).await;
        pad(&world).await;
        let subscription = world.subscribe(&bus, world.options("workers"), journal.of_bus(round)).await;
        world.until_done(&journal, 20 * round as usize).await;
        world.until_lag("workers", 0).await;
        world.close(&bus).await;
        assert_eq!(subscription.stats().gaps, 0, "nothing was deleted");
    }
    journal.must_be_in_order();
    journal.must_hold_all(&all, 4);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn progress_never_passes_an_unfinished_event(lab: Lab) {
    let world = lab.world(Needs::partitions(1).with_faults()).await;
    let (process, journal, other) = (world.process(), world.journal(), world.bus());
    let handler = journal.behind_for(&Latch::shut(), is_of("stuck"));
    let dying = world.watch(process.subscribe(world.options("workers"), handler).await);
    world.publish(&other, vec![event(&world.topic(), "stuck", 1), event(&world.topic(), "free", 1)]).await;
    world.until_done(&journal, 1).await;
    pad(&world).await;
    let commits = dying.stats().commits;
    // Handled behind the padding: it was read, and there was something to commit.
    world.publish(&other, vec![event(&world.topic(), "free", 2)]).await;
    world.until_done(&journal, 2).await;
    world.until("what is finished was committed", || dying.stats().commits > commits).await;
    process.crash().await;
    world.subscribe(&other, world.options("workers"), journal.of_bus(1)).await;
    world.until("the unfinished one is handled again", || journal.has(What::Done, "stuck", 1)).await;
    world.close(&other).await;
    assert_eq!(journal.times(What::Started, "stuck", 1), 2);
    assert!(journal.has(What::Done, "free", 2));
}

//! What a group has done stays done.

use std::time::Duration;

use laneway_domain::AfterDeadLetter;

use super::super::adapter::Needs;
use super::super::journal::{What, number_of};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, event, failure, names};
use super::super::stalled::is_of;
use super::super::world::World;

pub(crate) async fn a_closed_bus_is_resumed_without_loss_or_repeat(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (journal, all) = (world.journal(), names(20));
    for round in 1..=5_u32 {
        let bus = world.bus();
        let numbers = u64::from(round - 1) * 4 + 1..=u64::from(round) * 4;
        let turn = |number| all.iter().map(move |name| (name, number));
        let events = numbers.flat_map(turn).map(|(name, number)| event(&world.topic(), name, number));
        world.publish(&bus, events.collect()).await;
        world.subscribe(&bus, world.options("workers"), journal.of_bus(round)).await;
        // Closed in the middle of its work, but for the last round.
        let enough = if round == 5 { 20 * 20 } else { journal.done() + 30 };
        world.until_done(&journal, enough).await;
        world.close(&bus).await;
    }
    journal.must_be_in_order();
    journal.must_hold_all(&all, 20);
    if lab.capabilities().subscriber.state_bytes > 0 {
        journal.must_hold_nothing_twice();
    }
}

pub(crate) async fn what_is_done_above_the_watermark_is_not_handled_again(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(50));
    let handler = journal.behind_for(&Latch::shut(), is_of("aggregate-0"));
    world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 10)).await;
    world.until_done(&journal, 490).await;
    bus.close(Duration::from_millis(200)).await;
    let bus = world.bus();
    world.subscribe(&bus, world.options("workers"), journal.of_bus(1)).await;
    world.until_done(&journal, 500).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 10);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn failed_attempts_survive_a_restart(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let (bus, journal) = (world.bus(), world.journal());
    world.subscribe(&bus, patient(&world), always_failing(&journal, 0)).await;
    world.publish(&bus, vec![event(&world.topic(), "a", 1)]).await;
    world.until("two attempts have failed", || journal.count(What::Failed) >= 2).await;
    world.close(&bus).await;
    let before = journal.count(What::Failed);
    let bus = world.bus();
    world.subscribe(&bus, patient(&world), journal.of_bus(1)).await;
    world.until_done(&journal, 1).await;
    world.close(&bus).await;
    let attempts: Vec<_> = journal.lines().iter().filter(|l| l.bus == 1).map(|line| line.attempt).collect();
    let next = u32::try_from(before + 1).unwrap_or(u32::MAX);
    assert_eq!(attempts, [next, next], "the next owner goes on counting");
}

pub(crate) async fn failed_attempts_survive_a_rebalance(lab: Lab) {
    let world = lab.world(Needs::partitions(2)).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(8));
    world.subscribe(&bus, patient(&world), always_failing(&journal, 0)).await;
    world.publish(&bus, braid(&world.topic(), &all, 1)).await;
    world.until("each has failed twice", || all.iter().all(|a| journal.times(What::Failed, a, 1) >= 2)).await;
    let other = world.bus();
    let joined = world.subscribe(&other, patient(&world), journal.of_bus(1)).await;
    world.until("it has a partition", || joined.stats().partitions == 1).await;
    world.until("it has handled an event", || journal.done() > 0).await;
    world.close(&bus).await;
    world.until_done(&journal, 8).await;
    world.close(&other).await;
    for line in journal.lines().iter().filter(|line| line.what == What::Done) {
        let failed = journal.times(What::Failed, &line.lane, 1);
        assert_eq!(line.attempt as usize, failed + 1, "{line:?}");
    }
}

/// A subscription that has many attempts.
fn patient(world: &World) -> laneway_application::consume::SubscriptionOptions {
    let mut options = world.options("workers");
    options.retry.max_retries = 1_000;
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    options
}

fn always_failing(
    journal: &super::super::journal::Journal,
    bus: u32,
) -> impl laneway_domain::Handler + use<> {
    journal.handler(|_, _| async { Err(failure()) }).of_bus(bus)
}

pub(crate) async fn when_quiet_the_committed_position_reaches_the_end_within_five_seconds(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(50));
    let handler = journal.handler(|event, attempt| async move {
        if number_of(&event).is_multiple_of(7) && attempt == 1 { Err(failure()) } else { Ok(()) }
    });
    let mut options = world.options("workers");
    options.commit = laneway_application::policy::CommitPolicy::default();
    world.subscribe(&bus, options, handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 20)).await;
    world.until_done(&journal, 1_000).await;
    let took = world.until_lag("workers", 0).await;
    assert!(took.as_secs() < 5, "it took {took:?}");
    let rows = world.lag("workers").await;
    assert!(rows.iter().all(|row| row.owned && row.oldest.is_none()), "{rows:?}");
    world.close(&bus).await;
}

pub(crate) async fn when_quiet_all_that_a_group_owns_is_stored_as_committed(lab: Lab) {
    const LAG: Duration = Duration::from_secs(1);
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(50));
    let subscription = world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    for number in 1..=20 {
        let turn = all.iter().map(|name| event(&world.topic(), name, number));
        world.publish(&bus, turn.collect()).await;
    }
    world.until("all is settled", || subscription.stats().handled == 1_000).await;
    let quiet = world.now();
    world.until("that is long ago", || world.now().since(quiet) > LAG * 2).await;
    let open = world.record().not_stored_within(LAG);
    assert!(open.is_none(), "{}", open.unwrap_or_default());
    world.close(&bus).await;
}

pub(crate) async fn the_lag_counts_what_is_not_committed(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let bus = world.bus();
    let (journal, latch, all) = (world.journal(), Latch::shut(), names(10));
    world.subscribe(&bus, world.options("workers"), journal.behind(&latch)).await;
    world.publish(&bus, braid(&world.topic(), &all, 10)).await;
    world.until("a handler runs", || journal.count(What::Started) > 0).await;
    let rows = world.lag("workers").await;
    assert!(rows.iter().all(|row| !row.exact || row.oldest.is_some() == (row.events > 0)), "{rows:?}");
    world.until_lag("workers", 100).await;
    latch.open();
    world.until_done(&journal, 100).await;
    world.until_lag("workers", 0).await;
    world.close(&bus).await;
}

//! Back-pressure: what a stalled handler may keep open.

use std::time::Duration;

use laneway_domain::Envelope;

use super::super::adapter::Needs;
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, names, series};

/// How long a bound is watched.
const WATCH: Duration = Duration::from_millis(300);
const BATCH: usize = 20;

pub(crate) async fn a_stalled_handler_keeps_open_events_within_their_limit(lab: Lab) {
    const LIMIT: usize = 100;
    stall(lab, |options| options.buffer.partition_events = LIMIT, |stats| stats.open, LIMIT..=LIMIT + BATCH)
        .await;
}

pub(crate) async fn a_stalled_handler_keeps_open_bytes_within_their_limit(lab: Lab) {
    const LIMIT: usize = 10_000;
    // Each event has 1,000 bytes, and up to half as many in headers where it is a record. The batch that passes the limit
    // may be followed by the one that was under way.
    let bounds = LIMIT..=LIMIT + 2 * BATCH * 1_500;
    stall(lab, |options| options.buffer.partition_bytes = LIMIT, |stats| stats.open_bytes, bounds).await;
}

pub(crate) async fn a_full_lane_holds_its_partition_back(lab: Lab) {
    const LIMIT: usize = 50;
    let world = lab.world(Needs::partitions(1)).await;
    let (bus, journal, latch) = (world.bus(), world.journal(), Latch::shut());
    let mut options = world.options("workers");
    (options.lane_capacity, options.batch_events) = (LIMIT, BATCH);
    let subscription = world.subscribe(&bus, options, journal.behind(&latch)).await;
    let events = series(&world.topic(), "a", 500);
    let (first, rest) = events.split_at(LIMIT + 10);
    world.publish(&bus, first.to_vec()).await;
    world.until("the lane is full", || subscription.stats().open == first.len()).await;
    // Whoever tells of its lanes has said before that one is full.
    assert_eq!(subscription.lanes(10).await.len(), 1);
    world.publish(&bus, rest.to_vec()).await;
    let within = || subscription.stats().open <= first.len() + BATCH;
    world.throughout(WATCH, "a full lane lets one more batch in at most", within).await;
    latch.open();
    world.until_done(&journal, events.len()).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&["a".to_owned()], 500);
}

/// Stalls every handler of one partition until what is open has come into `bounds`, sees that it stays there, and that
/// all is handled in the end.
async fn stall(
    lab: Lab,
    limit: impl FnOnce(&mut laneway_application::consume::SubscriptionOptions),
    open: impl Fn(laneway_application::consume::SubscriptionStats) -> usize,
    bounds: std::ops::RangeInclusive<usize>,
) {
    let world = lab.world(Needs::partitions(1)).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(100), Latch::shut());
    let mut options = world.options("workers");
    options.batch_events = BATCH;
    limit(&mut options);
    let subscription = world.subscribe(&bus, options, journal.behind(&latch)).await;
    let blank = |event: Envelope| {
        let number = format!("{:0>1000}", String::from_utf8_lossy(event.payload()));
        let id = event.aggregate().cloned();
        id.into_iter().fold(Envelope::new(event.topic().clone(), number), Envelope::with_aggregate)
    };
    let events: Vec<_> = braid(&world.topic(), &all, 60).into_iter().map(blank).collect();
    for batch in events.chunks(500) {
        world.publish(&bus, batch.to_vec()).await;
    }
    world.until("it holds what it may", || bounds.contains(&open(subscription.stats()))).await;
    let within = || open(subscription.stats()) <= *bounds.end();
    world.throughout(WATCH, "it holds no more than it may", within).await;
    latch.open();
    world.until_done(&journal, events.len()).await;
    world.until("nothing is open", || open(subscription.stats()) == 0).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 60);
}

pub(crate) async fn a_stalled_partition_does_not_stop_the_others(lab: Lab) {
    let world = lab.world(Needs::partitions(4)).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(40), Latch::shut());
    let receipts = world.publish(&bus, braid(&world.topic(), &all, 1)).await;
    let stalled = receipts[0].partition;
    let of_stalled = receipts.iter().filter(|receipt| receipt.partition == stalled).count();
    let handler = journal.behind_for(&latch, move |event| event.partition() == stalled);
    let mut options = world.options("workers");
    // Both limits are reached by one partition alone; permits suffice for the lanes that stall.
    (options.buffer.partition_events, options.buffer.events, options.batch_events) = (60, 60, BATCH);
    let subscription = world.subscribe(&bus, options, handler).await;
    for number in 2..=50 {
        let turn = all.iter().map(|name| super::super::said::event(&world.topic(), name, number));
        world.publish(&bus, turn.collect()).await;
    }
    world.until_done(&journal, (40 - of_stalled) * 50).await;
    assert!(subscription.stats().open <= 60 + BATCH * 4, "{:?}", subscription.stats());
    assert_eq!(journal.count(What::Started), (40 - of_stalled) * 50 + of_stalled);
    latch.open();
    world.until_done(&journal, 40 * 50).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&all, 50);
}

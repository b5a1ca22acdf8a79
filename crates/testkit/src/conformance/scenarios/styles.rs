//! Events in batches, and as a stream.

use std::time::Duration;

use laneway_application::route::{BatchOptions, BatchOutcome, Batches, EventBatch, batch_fn, stream};
use laneway_domain::HandlerError;

use super::super::adapter::Needs;
use super::super::journal::number_of;
use super::super::lab::Lab;
use super::super::said::{NotToday, braid, given, names, series, sure};

pub(crate) async fn a_batch_that_fails_in_part_is_tried_again_in_part(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let bus = world.bus();
    let (told, mut tries) = tokio::sync::mpsc::unbounded_channel();
    let handler = batch_fn(move |batch: EventBatch| {
        let mut outcome = BatchOutcome::all_done();
        for (index, member) in batch.iter().enumerate() {
            let number = number_of(&member.event);
            let of = member.event.aggregate().map(ToString::to_string).unwrap_or_default();
            let fails = number == 2 && member.attempt == 1;
            if fails {
                outcome.fail(index, HandlerError::retryable(NotToday));
            }
            let _ = told.send((of, number, member.attempt, fails));
        }
        std::future::ready(Ok(outcome))
    });
    let batches = BatchOptions { size: 5, max_wait: Duration::from_millis(20) };
    let handler = sure("batches", Batches::new(batches, world.clock(), handler));
    let subscription = world.subscribe(&bus, world.options("workers"), handler).await;
    world.publish(&bus, braid(&world.topic(), &names(5), 3)).await;
    world.until("all are handled", || subscription.stats().handled == 15).await;
    world.close(&bus).await;
    let mut tried = Vec::new();
    while let Ok(one) = tries.try_recv() {
        tried.push(one);
    }
    for name in names(5) {
        let own =
            tried.iter().filter(|(of, ..)| *of == name).map(|(_, number, attempt, _)| (*number, *attempt));
        assert_eq!(own.collect::<Vec<_>>(), [(1, 1), (2, 1), (2, 2), (3, 1)], "{name}");
    }
    assert_eq!(subscription.stats().retries, 5);
}

pub(crate) async fn a_stream_takes_answers_and_says_which_came_too_late(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let bus = world.bus();
    let mut options = world.options("workers");
    options.processing_timeout = Duration::from_millis(200);
    let (handler, mut events) = sure("a stream", stream(1));
    let subscription = world.subscribe(&bus, options, handler).await;
    world.publish(&bus, series(&world.topic(), "a", 2)).await;
    let first = given("delivery", events.next().await);
    assert_eq!((number_of(&first.event), first.attempt), (1, 1));
    sure("an answer", first.nack(NotToday));
    let mut again = given("delivery", events.next().await);
    assert_eq!((number_of(&again.event), again.attempt), (1, 2));
    again.stale().await;
    assert!(again.is_stale());
    assert!(again.ack().is_err(), "its time was up");
    let third = given("delivery", events.next().await);
    assert_eq!((number_of(&third.event), third.attempt), (1, 3), "the answer that came too late was none");
    sure("an answer", third.ack());
    let next = given("delivery", events.next().await);
    assert_eq!((number_of(&next.event), next.attempt), (2, 1));
    sure("an answer", next.ack());
    world.until("both are handled", || subscription.stats().handled == 2).await;
    world.close(&bus).await;
}

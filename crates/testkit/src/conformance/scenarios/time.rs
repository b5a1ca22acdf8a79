//! Handlers that hang or block.

use std::time::Duration;

use laneway_application::route::Router;

use super::super::adapter::Needs;
use super::super::journal::{What, number_of};
use super::super::lab::Lab;
use super::super::latch::Latch;
use super::super::said::{braid, event, names, series};
use super::super::stalled::is_of;

const SHORT: Duration = Duration::from_millis(50);

pub(crate) async fn a_handler_that_hangs_is_dropped_when_its_time_is_up(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    let mut options = world.options("workers");
    options.processing_timeout = SHORT;
    let handler = journal.handler(|event, attempt| async move {
        if number_of(&event) == 2 && attempt == 1 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let subscription = world.subscribe(&bus, options, handler).await;
    world.publish(&bus, series(&world.topic(), "a", 3)).await;
    world.until_done(&journal, 3).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    assert_eq!((journal.count(What::Dropped), subscription.stats().retries), (1, 1));
}

pub(crate) async fn the_router_gives_an_event_its_own_time(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, latch) = (world.bus(), world.journal(), Latch::shut());
    let mut options = world.options("workers");
    options.router = Router::new().timeout_by(|event| (event.payload() == "1").then_some(SHORT));
    let door = latch.clone();
    let handler = journal.handler(move |event, attempt| {
        let door = door.clone();
        async move {
            match (number_of(&event), attempt) {
                (1, 1) => std::future::pending().await,
                (2, _) => door.pass().await,
                _ => {}
            }
            Ok(())
        }
    });
    world.subscribe(&bus, options, handler).await;
    world.publish(&bus, vec![event(&world.topic(), "quick", 1), event(&world.topic(), "slow", 2)]).await;
    world.until_done(&journal, 1).await;
    assert_eq!(journal.of("slow"), [(What::Started, 2)], "the subscription's own time is longer");
    latch.open();
    world.until_done(&journal, 2).await;
    world.close(&bus).await;
    assert_eq!(journal.times(What::Dropped, "quick", 1), 1);
    assert_eq!(journal.times(What::Dropped, "slow", 2), 0);
}

pub(crate) async fn a_handler_that_hangs_stops_only_its_lane(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all, latch) = (world.bus(), world.journal(), names(50), Latch::shut());
    let handler = journal.behind_for(&latch, is_of("aggregate-0"));
    let mut options = world.options("workers");
    options.max_in_flight = 2;
    world.subscribe(&bus, options, handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 10)).await;
    world.until_done(&journal, 49 * 10).await;
    latch.open();
    world.until_done(&journal, 500).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
}

pub(crate) async fn a_handler_that_blocks_its_thread_stops_only_the_lanes_of_its_worker(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, latch, topic) = (world.bus(), world.journal(), Latch::shut(), world.topic());
    let (quick, door) = (names(40), latch.clone());
    let handler = journal.handler(move |event, _| {
        let door = door.clone();
        async move {
            if event.aggregate().is_some_and(|id| id.as_str() == "blocks") {
                door.block();
            }
            Ok(())
        }
    });
    let mut options = world.options("workers");
    options.workers = 4;
    world.subscribe(&bus, options, handler).await;
    world.publish(&bus, vec![event(&topic, "blocks", 1)]).await;
    world.until("the thread is blocked", || journal.count(What::Started) == 1).await;
    world.publish(&bus, braid(&topic, &quick, 5)).await;
    // Forty aggregates over four workers, spread by a fixed seed: three workers have more than half of them.
    world.until("the lanes of other workers are handled", || journal.done() >= 20 * 5).await;
    latch.open();
    world.until_done(&journal, 40 * 5 + 1).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
}

pub(crate) async fn a_handler_that_cannot_be_dropped_keeps_its_lane_beyond_its_time(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, latch, topic) = (world.bus(), world.journal(), Latch::shut(), world.topic());
    let handler = journal.behind_for(&latch, is_of("slow"));
    let mut options = world.options("workers");
    options.processing_timeout = SHORT;
    let subscription = world.subscribe(&bus, options, handler.that_finishes()).await;
    world.publish(&bus, series(&topic, "slow", 2)).await;
    world.until("its handler runs", || journal.count(What::Started) == 1).await;
    let began = world.now();
    world.until("its time is over", || world.now().since(began) > SHORT * 2).await;
    world.publish(&bus, series(&topic, "quick", 5)).await;
    world.until_done(&journal, 5).await;
    assert_eq!(journal.of("slow"), [(What::Started, 1)]);
    latch.open();
    world.until_done(&journal, 7).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    assert_eq!(
        (journal.count(What::Dropped), subscription.stats().retries),
        (0, 0),
        "what it returned counts"
    );
}

//! The router: which lane an event takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use laneway_application::route::{Routed, Router};
use laneway_domain::Envelope;

use super::super::adapter::Needs;
use super::super::lab::Lab;
use super::super::said::{event, loose, names, sure};
use super::super::world::World;

pub(crate) async fn a_header_names_the_aggregate_of_an_event_that_names_none(lab: Lab) {
    for header in Router::HEADERS {
        let world = lab.world(Needs::partitions(1)).await;
        let named = |number| loose(&world.topic(), number).with_header(header, Some("order:42".into()));
        let (most, journal) = most_at_once(&world, (1..=20).map(named).collect(), Router::new()).await;
        assert_eq!(most, 1, "{header} names one lane");
        journal.must_be_in_order();
    }
}

pub(crate) async fn a_closure_puts_aggregates_into_one_lane(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let events = names(20).iter().map(|name| event(&world.topic(), name, 1)).collect();
    let router = Router::new().by(|_| Routed::Lane("all".into()));
    let (most, journal) = most_at_once(&world, events, router).await;
    assert_eq!(most, 1);
    let order: Vec<_> = journal.lines().into_iter().map(|line| line.position).collect();
    assert!(order.is_sorted(), "{order:?}");
}

pub(crate) async fn a_closure_takes_events_out_of_their_lanes(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    world.record().may_leave_lanes();
    let events = (1..=20).map(|number| event(&world.topic(), "a", number)).collect();
    let (most, _) = most_at_once(&world, events, Router::new().by(|_| Routed::Unordered)).await;
    assert!(most > 1, "they run at once");
}

pub(crate) async fn a_closure_sees_what_an_event_says_of_itself(lab: Lab) {
    let world = lab.world(Needs::partitions(1)).await;
    let topic = world.topic();
    let router = Router::new().by(move |routable| {
        let sees = *routable.topic == topic && routable.event_type == Some("Counted");
        match routable.headers.first("customer").flatten() {
            Some(b"one") if sees && routable.aggregate.is_some() => Routed::Lane("one".into()),
            _ => Routed::Unordered,
        }
    });
    let of_customer =
        |name: &String| event(&world.topic(), name, 1).with_header("customer", Some("one".into()));
    let events = names(20).iter().map(of_customer).collect();
    let (most, _) = most_at_once(&world, events, router).await;
    assert_eq!(most, 1);
}

/// Handles events, and counts how many handlers run at once.
async fn most_at_once(
    world: &World,
    events: Vec<Envelope>,
    router: Router,
) -> (usize, super::super::journal::Journal) {
    let (bus, journal, count) = (world.bus(), world.journal(), events.len());
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = most.clone();
    let handler = journal.handler(move |_, _| {
        let (running, most) = (running.clone(), counted.clone());
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let mut options = world.options("workers");
    options.router = router;
    sure(
        "a subscription",
        bus.subscribe(options, handler).await.map(|subscription| world.watch(subscription)),
    );
    world.publish(&bus, events).await;
    world.until_done(&journal, count).await;
    world.close(&bus).await;
    (most.load(Ordering::SeqCst), journal)
}

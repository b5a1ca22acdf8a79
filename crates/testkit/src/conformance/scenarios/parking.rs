//! What waits in the dead-letter store, behind a dead letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use laneway_domain::{
    Act, AfterDeadLetter, AggregateId, AggregateKey, Body, By, Filter, OwnerId, ParkEntry, ParkState,
    Parking, PartitionNumber, Position, Received, Scope, StoreFault,
};

use super::super::adapter::Needs;
use super::super::journal::{What, number_of};
use super::super::lab::Lab;
use super::super::said::{braid, event, failure, given, names, sure};
use super::super::world::World;

fn parking(world: &World) -> &dyn Parking {
    given("parking store", world.adapter().dead_letters.parking())
}

pub(crate) async fn what_follows_a_dead_letter_is_parked_and_redriven_in_order(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (bus, journal, all) = (world.bus(), world.journal(), names(5));
    let sick = Arc::new(AtomicBool::new(true));
    let ill = sick.clone();
    let handler = journal.handler(move |event, _| {
        let head = event.aggregate().is_some_and(|id| id.as_str() == "aggregate-0") && number_of(&event) == 2;
        let fails = head && ill.load(Ordering::SeqCst);
        std::future::ready(if fails { Err(failure()) } else { Ok(()) })
    });
    let mut options = world.options("workers");
    options.retry.max_retries = 1;
    options.after_dead_letter = Some(AfterDeadLetter::Park);
    options.redrive_poll = std::time::Duration::from_millis(20);
    let subscription = world.subscribe(&bus, options, handler).await;
    world.publish(&bus, braid(&world.topic(), &all, 5)).await;
    world.until("the followers are parked", || subscription.stats().parked == 3).await;
    world.until_done(&journal, 21).await;
    assert!(!journal.has(What::Started, "aggregate-0", 3));
    sick.store(false, Ordering::SeqCst);
    let desk = given("desk", world.adapter().dead_letters.desk());
    let (all_of, by) = (Filter::group(world.group("workers")), sure("an operator", By::new("ops", "healed")));
    let act = Act::Redrive { per_second: None };
    let asked = sure("a wish", desk.ask(&all_of, act, &by, world.clock().wall(), false).await);
    assert_eq!((asked.targets, asked.events), (1, 4));
    world.publish(&bus, vec![event(&world.topic(), "aggregate-0", 6)]).await;
    world.until_done(&journal, 26).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_nothing_twice();
    let left = sure("a list", desk.list(&all_of, None, 10).await);
    assert_eq!(left, [], "all has left");
}

pub(crate) async fn a_claim_voids_the_one_before_it(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (topic, group) = (world.topic(), world.group("workers"));
    let key = AggregateKey { topic: topic.clone(), tenant: None, id: sure("an id", AggregateId::new("a")) };
    let entry = |number| ParkEntry {
        key: Some(key.clone()),
        event: Received {
            position: Position::new(number),
            appended: world.clock().wall(),
            body: Body::Event(event(&topic, "a", number)),
        },
        state: ParkState::Follower,
    };
    let scope = Scope { group, topic: topic.clone(), partition: PartitionNumber(0) };
    let owner = |name: &str| sure("an owner", OwnerId::new(name));
    let parking = parking(&world);
    let (old, known) = sure("a claim", parking.claim(&scope, &owner("old")).await);
    assert_eq!(known, []);
    sure("a write", parking.park(&old, vec![entry(1), entry(2)]).await);
    let (new, known) = sure("a claim", parking.claim(&scope, &owner("new")).await);
    assert_eq!(
        known.iter().map(|known| (&known.key, known.last)).collect::<Vec<_>>(),
        [(&key, Position::new(2))]
    );
    if let Err(error) = parking.park(&old, vec![entry(3)]).await {
        assert_eq!(error.fault(), StoreFault::Fenced);
    }
    let page = sure("a page", parking.page(&new, &key, None, 10).await);
    let positions: Vec<_> = page.iter().map(|entry| entry.event.position.value()).collect();
    assert_eq!(positions, [1, 2], "a late write of an old owner is invisible");
    let page = sure("a page", parking.page(&new, &key, Some(Position::new(1)), 1).await);
    assert_eq!(
        page,
        [entry(2)].map(|entry| ParkEntry {
            event: Received { appended: page[0].event.appended, ..entry.event },
            ..entry
        })
    );
}

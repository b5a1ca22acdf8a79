//! The store of what is parked, asked by the owner of a partition.

use std::time::Duration;

use laneway_domain::{
    Begun, Body, DeadLetter, Envelope, HandlerMask, LetterId, ParkState, Position, Resolution, StoreFault,
    Waits,
};

use super::super::adapter::Needs;
use super::super::lab::Lab;
use super::super::said::{event, given, sure};

pub(crate) async fn a_claim_voids_the_one_before_it(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let (old, known) = shelf.claim("old").await;
    assert_eq!(known, []);
    shelf.park(&old, vec![shelf.follower("a", 1), shelf.follower("a", 2)]).await;
    let (new, known) = shelf.claim("new").await;
    let known: Vec<_> = known.iter().map(|known| (known.key.clone(), known.last)).collect();
    assert_eq!(known, [(world.key("a"), Position::new(2))]);
    if let Err(error) = world.parking().park(&old, vec![shelf.follower("a", 3)]).await {
        assert_eq!(error.fault(), StoreFault::Fenced);
    }
    if let Err(error) = world.parking().resolve(&old, vec![(Position::new(1), Resolution::Handled)]).await {
        assert_eq!(error.fault(), StoreFault::Fenced);
    }
    assert_eq!(shelf.page(&new, "a", None, 10).await, [1, 2], "a late write of an old owner is invisible");
}

pub(crate) async fn who_lost_a_claim_learns_it_when_asking_for_wishes(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let (old, _) = shelf.claim("old").await;
    assert_eq!(sure("wishes", world.parking().wishes(std::slice::from_ref(&old), 10).await), []);
    let (new, _) = shelf.claim("new").await;
    let error = world.parking().wishes(&[old], 10).await.err().map(|error| error.fault());
    assert_eq!(error, Some(StoreFault::Fenced));
    assert_eq!(sure("wishes", world.parking().wishes(&[new], 10).await), []);
}

pub(crate) async fn pages_are_in_order_and_within_their_limit(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let (claim, _) = shelf.claim("owner").await;
    let of = |aggregate: &'static str, numbers: &[u64]| {
        numbers.iter().map(|number| shelf.follower(aggregate, *number)).collect::<Vec<_>>()
    };
    shelf.park(&claim, of("a", &[1, 4, 5])).await;
    shelf.park(&claim, of("b", &[2, 6])).await;
    shelf.park(&claim, of("a", &[8, 9])).await;
    assert_eq!(shelf.page(&claim, "a", None, 2).await, [1, 4]);
    assert_eq!(shelf.page(&claim, "a", Some(4), 2).await, [5, 8]);
    assert_eq!(shelf.page(&claim, "a", Some(6), 100).await, [8, 9], "where it ended before has gone since");
    assert_eq!(shelf.page(&claim, "a", Some(9), 2).await, [0_u64; 0]);
    assert_eq!(shelf.page(&claim, "b", None, 100).await, [2, 6]);
    assert_eq!(shelf.page(&claim, "c", None, 100).await, [0_u64; 0]);
}

pub(crate) async fn an_entry_that_is_parked_again_is_one_entry_the_newer(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let (claim, _) = shelf.claim("owner").await;
    shelf.park(&claim, vec![shelf.follower("a", 1), shelf.follower("a", 2)]).await;
    shelf.park(&claim, vec![shelf.dead("a", 1)]).await;
    assert_eq!(shelf.page(&claim, "a", None, 10).await, [1, 2]);
    let entry = sure("an entry", world.parking().entry(&claim, Position::new(1)).await);
    assert!(matches!(given("entry", entry).state, ParkState::Dead(_)));
}

pub(crate) async fn a_claim_tells_why_each_aggregate_waits(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let shelf = world.shelf();
    let (claim, _) = shelf.claim("first").await;
    let due = world.clock().wall() + Duration::from_secs(3_600);
    let backoff = ParkState::Backoff { due, attempts: 2, handlers: HandlerMask::ALL };
    shelf.park(&claim, vec![shelf.dead("a", 1), shelf.follower("a", 2)]).await;
    shelf.park(&claim, vec![shelf.entry("b", 3, backoff.clone()), shelf.follower("b", 4)]).await;
    let (claim, mut known) = shelf.claim("second").await;
    known.sort_by_key(|known| known.last);
    let [dead, waits] = &known[..] else { panic!("two aggregates are parked: {known:?}") };
    assert_eq!((&dead.key, dead.last, dead.waits), (&world.key("a"), Position::new(2), Some(Waits::Dead)));
    assert_eq!((&waits.key, waits.last), (&world.key("b"), Position::new(4)));
    let Some(Waits::Until(told)) = waits.waits else { panic!("{waits:?} waits for its time") };
    assert_eq!(told.unix_millis(), due.unix_millis());
    let entry = given("entry", sure("an entry", world.parking().entry(&claim, Position::new(3)).await));
    assert!(matches!(entry.state, ParkState::Backoff { attempts: 2, .. }), "{:?}", entry.state);
    // Its head leaves: who comes next waits for what it waited for.
    sure("a verdict", world.parking().resolve(&claim, vec![(Position::new(3), Resolution::Handled)]).await);
    let (_, known) = shelf.claim("third").await;
    let waits = known.iter().find(|known| known.key == world.key("b")).map(|known| known.waits);
    assert_eq!(waits, Some(Some(Waits::Until(told))));
}

pub(crate) async fn an_aggregate_leaves_its_mark_until_it_is_forgotten(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (shelf, parking) = (world.shelf(), world.parking());
    let (claim, _) = shelf.claim("first").await;
    shelf.park(&claim, vec![shelf.dead("a", 1), shelf.follower("a", 2), shelf.dead("b", 3)]).await;
    let through = vec![(Position::new(1), Resolution::Handled), (Position::new(2), Resolution::Skipped)];
    sure("verdicts", parking.resolve(&claim, through).await);
    assert_eq!(shelf.page(&claim, "a", None, 10).await, [0_u64; 0]);
    let (claim, mut known) = shelf.claim("second").await;
    known.sort_by_key(|known| known.last);
    let told: Vec<_> = known.iter().map(|known| (known.last.value(), known.waits)).collect();
    assert_eq!(told, [(2, None), (3, Some(Waits::Dead))]);
    sure("forgetting", parking.forget(&claim, vec![world.key("a"), world.key("b")]).await);
    let (_, known) = shelf.claim("third").await;
    let told: Vec<_> = known.iter().map(|known| (known.last.value(), known.waits)).collect();
    assert_eq!(told, [(3, Some(Waits::Dead))], "one that waits is not forgotten");
}

pub(crate) async fn verdicts_change_what_stays_and_pass_over_what_is_not_there(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (shelf, parking) = (world.shelf(), world.parking());
    let (claim, _) = shelf.claim("owner").await;
    shelf.park(&claim, vec![shelf.follower("a", 1), shelf.follower("a", 2)]).await;
    let edited: Envelope = event(&world.topic(), "a", 20);
    let verdicts = vec![
        (Position::new(7), Resolution::Handled),
        (Position::new(1), Resolution::Stays(shelf.death())),
        (Position::new(2), Resolution::Edited(world.body(&edited))),
    ];
    sure("verdicts", parking.resolve(&claim, verdicts).await);
    let page = sure("a page", parking.page(&claim, &world.key("a"), None, 10).await);
    assert!(matches!(page[0].state, ParkState::Dead(_)) && page[1].state == ParkState::Follower, "{page:?}");
    assert_eq!(world.read(&page[1].event.body).payload(), edited.payload());
    assert_eq!(world.read(&page[0].event.body).payload(), "1");
}

pub(crate) async fn an_entry_that_has_begun_says_so_to_the_next_owner(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (shelf, parking) = (world.shelf(), world.parking());
    let (claim, _) = shelf.claim("first").await;
    shelf.park(&claim, vec![shelf.dead("a", 1), shelf.follower("a", 2), shelf.dead("b", 3)]).await;
    let runs = Begun { crashes: 0, by: Some(u32::MAX) };
    let both = vec![(Position::new(1), Resolution::Begun(runs)), (Position::new(2), Resolution::Begun(runs))];
    sure("verdicts", parking.resolve(&claim, both.clone()).await);
    // Whoever had no answer asks again.
    sure("verdicts", parking.resolve(&claim, both).await);
    assert_eq!(shelf.begun(&claim, 1).await, runs);
    let (claim, known) = shelf.claim("second").await;
    assert_eq!(known.len(), 2, "what has begun waits as before: {known:?}");
    let page = sure("a page", parking.page(&claim, &world.key("a"), None, 10).await);
    assert_eq!(page.iter().map(|entry| entry.begun).collect::<Vec<_>>(), [runs, runs]);
    assert!(matches!(page[0].state, ParkState::Dead(_)) && page[1].state == ParkState::Follower);
    assert_eq!(shelf.begun(&claim, 3).await, Begun::default());
    let returned = Begun { crashes: 3, by: None };
    sure("a verdict", parking.resolve(&claim, vec![(Position::new(2), Resolution::Begun(returned))]).await);
    let (claim, _) = shelf.claim("third").await;
    assert_eq!((shelf.begun(&claim, 1).await, shelf.begun(&claim, 2).await), (runs, returned));
}

pub(crate) async fn whatever_becomes_of_an_entry_it_has_not_begun_any_more(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (shelf, parking) = (world.shelf(), world.parking());
    let (claim, _) = shelf.claim("owner").await;
    let all = [1, 2, 3, 4].map(|number| shelf.dead("a", number));
    shelf.park(&claim, all.to_vec()).await;
    let begun = |position| (Position::new(position), Resolution::Begun(Begun { crashes: 2, by: Some(7) }));
    sure("verdicts", parking.resolve(&claim, [1, 2, 3, 4].map(begun).to_vec()).await);
    let edited = world.body(&event(&world.topic(), "a", 20));
    let verdicts = vec![
        (Position::new(1), Resolution::Handled),
        (Position::new(2), Resolution::Stays(shelf.death())),
        (Position::new(3), Resolution::Edited(edited)),
        begun(9),
    ];
    sure("verdicts", parking.resolve(&claim, verdicts).await);
    shelf.park(&claim, vec![shelf.dead("a", 1), shelf.dead("a", 4)]).await;
    for position in 1..=4 {
        assert_eq!(shelf.begun(&claim, position).await, Begun::default(), "{position}");
    }
    assert_eq!(sure("an entry", parking.entry(&claim, Position::new(9)).await), None);
}

pub(crate) async fn a_letter_that_was_buried_is_an_entry_and_closes_no_lane(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    let (shelf, parking) = (world.shelf(), world.parking());
    let ParkState::Dead(death) = shelf.death() else { panic!("a death is one") };
    let scope = shelf.scope.clone();
    let letter = DeadLetter {
        id: LetterId {
            group: scope.group,
            topic: scope.topic,
            partition: scope.partition,
            position: Position::new(5),
        },
        key: Some(world.key("a")),
        appended: world.clock().wall(),
        original: Body::clone(&shelf.dead("a", 5).event.body),
        death: *death,
    };
    for result in world.adapter().dead_letters.bury(vec![letter.clone()]).await {
        sure("a burial", result);
    }
    let (claim, known) = shelf.claim("owner").await;
    assert_eq!(known.iter().filter(|known| known.waits.is_some()).count(), 0, "{known:?}");
    let entry = sure("an entry", parking.entry(&claim, Position::new(5)).await);
    assert_eq!(given("entry", entry).key, Some(world.key("a")));
    let begun = Begun { crashes: 1, by: Some(7) };
    sure("a verdict", parking.resolve(&claim, vec![(Position::new(5), Resolution::Begun(begun))]).await);
    for result in world.adapter().dead_letters.bury(vec![letter]).await {
        sure("another burial", result);
    }
    assert_eq!(shelf.begun(&claim, 5).await, begun, "it may be running");
    sure("a verdict", parking.resolve(&claim, vec![(Position::new(5), Resolution::Handled)]).await);
    assert!(sure("an entry", parking.entry(&claim, Position::new(5)).await).is_none());
}

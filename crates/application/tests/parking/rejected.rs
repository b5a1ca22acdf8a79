//! Events that the store will not take.

use std::time::Duration;

use laneway_domain::{Act, Answer, Filter};

use crate::world::{CLOSE, REDRIVE, World, group};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn an_event_that_the_store_rejects_holds_back_its_own_aggregate_and_no_other() {
    let world = World::new();
    world.store.hook().reject(&["b1"]);
    world.poison(&["a1", "b1", "c1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "b1", "c1", "a2", "b2", "c2", "d1"]).await;
    orders.wait_until(|stats| stats.parked == 2 && stats.handled == 1).await;
    world.pass(MINUTE).await;
    assert_eq!(world.waiting().await, ["a1 dead", "c1 dead", "a2 behind", "c2 behind"]);
    assert_eq!(orders.stats().open, 2, "b1 and b2 are in nobody's hands but ours");
    let said = orders.health().dead_letter_store.unwrap();
    assert!(said.contains("the test does not like it"), "{said}");
    world.poison(&[]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await, [Answer::Done(2), Answer::Done(2)], "the others are redriven");
    world.store.hook().reject(&[]);
    orders.wait_until(|stats| stats.open == 0).await;
    assert_eq!(world.waiting().await, ["b1 dead", "b2 behind"]);
    orders.watch_health().wait_for(|health| health.dead_letter_store.is_none()).await.unwrap();
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(3).await[2], Answer::Done(2));
    assert_eq!((world.handled_of("b"), world.handled().len()), (vec!["b1".to_owned(), "b2".to_owned()], 7));
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_redrive_ends_at_a_follower_that_the_store_rejects_and_the_next_owner_goes_on_with_that() {
    let mut world = World::new();
    world.store.hook().reject(&["a3"]);
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2", "a3", "a4"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    world.poison(&[]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::FailedAgain(2)]);
    world.pass(MINUTE).await;
    assert_eq!((world.handled().len(), world.waiting().await.len(), orders.stats().open), (2, 0, 2));
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    let orders = world.subscribe(|_| ()).await;
    orders.wait_until(|stats| stats.handled == 2).await;
    assert_eq!(world.handled(), ["a1", "a2", "a3", "a4"]);
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn many_rejected_events_in_one_write_are_all_found() {
    let world = World::new();
    let names: Vec<String> =
        (0..60).flat_map(|n| [1, 2].map(|m| format!("{}{m}", char::from(b'A' + n)))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rejected: Vec<&str> = names.iter().copied().step_by(6).collect();
    world.store.hook().reject(&rejected);
    world.poison(&names);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&names).await;
    orders.wait_until(|stats| stats.parked + stats.dead_letters == 80).await;
    world.store.hook().reject(&[]);
    orders.wait_until(|stats| stats.parked + stats.dead_letters == 120 && stats.open == 0).await;
    world.ask(&Filter::group(group()), Act::Purge).await.unwrap();
    assert_eq!(world.answered(60).await, vec![Answer::Done(2); 60]);
    world.bus.close(CLOSE).await;
}

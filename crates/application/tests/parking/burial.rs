//! Burials in a store that does not take them, and a store that has forgotten everything.

use std::sync::Arc;
use std::time::Duration;

use laneway_application::consume::SubscriptionHealth;
use laneway_domain::AfterDeadLetter;
use laneway_memory::MemoryDeadLetters;

use crate::store::{Trouble, troubled};
use crate::world::{CLOSE, World, bus};

async fn is_buried_in_the_end(trouble: Trouble, says: &str) {
    let world = World::new();
    world.poison(&["a1"]);
    world.store.hook().choose(move |call| if call == "bury" { trouble } else { Trouble::No });
    let skip = Some(AfterDeadLetter::Skip);
    let orders = world.subscribe(|options| options.after_dead_letter = skip).await;
    world.publish(&["a1", "a2", "b1"]).await;
    let mut health = orders.watch_health();
    let said = health.wait_for(|health| health.dead_letter_store.is_some()).await.unwrap().clone();
    assert!(said.dead_letter_store.as_ref().unwrap().contains(says), "{said:?}");
    world.pass(Duration::from_secs(60)).await;
    let open = (orders.stats().dead_letters, orders.stats().open, world.handled());
    assert_eq!(open, (0, 2, vec!["b1".to_owned()]), "its lane waits and the others go on");
    world.store.hook().choose(|_| Trouble::No);
    orders.wait_until(|stats| stats.dead_letters == 1 && stats.open == 0).await;
    assert_eq!((world.handled(), world.waiting().await.len()), (vec!["b1".to_owned(), "a2".to_owned()], 1));
    health.wait_for(SubscriptionHealth::is_good).await.unwrap();
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_a_burial_is_fenced_hangs_panics_or_says_nothing_is_asked_until_it_has_the_letter()
 {
    let said = "as the test wants it";
    for (trouble, says) in [
        (Trouble::Refuses, said),
        (Trouble::LosesAnswer, said),
        (Trouble::Fenced, said),
        (Trouble::Hangs, "no answer in time"),
        (Trouble::Panics, "panicked"),
        (Trouble::Empty, "gave no answer"),
    ] {
        is_buried_in_the_end(trouble, says).await;
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_claim_of_a_store_that_has_forgotten_everything_what_comes_is_handled() {
    let mut world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 1 && stats.open == 0).await;
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.store = troubled(MemoryDeadLetters::new(), Arc::clone(&world.clock));
    world.bus = bus(&world.broker, &world.store, &world.clock);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a3"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    assert_eq!((world.handled(), orders.stats().lanes.parked), (vec!["a3".to_owned()], 0));
    assert!(orders.health().is_good());
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

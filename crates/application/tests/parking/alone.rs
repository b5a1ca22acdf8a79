//! Wishes for one entry: which of them keep an aggregate in its order.

use std::time::Duration;

use futures_util::FutureExt;
use laneway_domain::{
    Act, Answer, DeadLetterQueue, DeathCause, DeskError, DeskExt, Filter, Position, WishId,
};

use crate::store::Trouble;
use crate::world::{CLOSE, REDRIVE, World, group};

const MINUTE: Duration = Duration::from_secs(60);

/// `a1` is parked, and `a2` behind it is meant by a wish of the time when it was a letter that closed no lane.
async fn overtaken() -> World {
    let world = World::new();
    world.poison(&["a1"]);
    // Who owned the partition before buried the second, committed nothing, and went.
    let former = world.letter("a2", Position::new(1));
    let of_second = Filter::entry(former.id.clone());
    world.letters.bury(vec![former]).await.remove(0).unwrap();
    world.ask(&of_second, REDRIVE).await.unwrap();
    let orders = world.subscribe(|options| options.redrive_poll = MINUTE).await;
    world.publish(&["a1", "a2", "a3"]).await;
    orders.wait_until(|stats| stats.parked == 2).await;
    assert_eq!(world.waiting().await, ["a1 dead", "a2 behind", "a3 behind"]);
    world
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_was_parked_behind_another_since_it_was_asked_for_does_not_overtake_it() {
    let world = overtaken().await;
    let head = world.stored().await[0].id.position;
    assert_eq!(world.answered(1).await, [Answer::Behind(head)]);
    assert!(world.handled().is_empty());
    world.poison(&[]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await[1], Answer::Done(3));
    assert_eq!(world.handled(), ["a1", "a2", "a3"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_whose_head_was_skipped_is_the_first_and_can_be_redriven_alone() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2", "a3"]).await;
    orders.wait_until(|stats| stats.parked == 2).await;
    let stored = world.stored().await;
    let entry = |at: usize| Filter::entry(stored[at].id.clone());
    world.ask(&entry(0), Act::Skip).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::Done(1)]);
    let refused = world.ask(&entry(2), REDRIVE).await;
    assert!(matches!(refused, Err(DeskError::NotHead { head }) if head == stored[1].id.position));
    world.ask(&entry(1), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await[1], Answer::Done(1));
    assert_eq!(
        (world.handled(), world.waiting().await),
        (vec!["a2".to_owned()], vec!["a3 behind".to_owned()])
    );
    world.ask(&entry(2), REDRIVE).await.unwrap();
    assert_eq!(world.answered(3).await[2], Answer::Done(1));
    assert_eq!(world.handled(), ["a2", "a3"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_of_a_parked_aggregate_is_not_redriven_alone() {
    let world = World::new();
    // It closed no lane, and is older than what is parked.
    let letter = world.letter("a0", Position::new(0));
    let alone = Filter::entry(letter.id.clone());
    world.letters.bury(vec![letter]).await.remove(0).unwrap();
    world.poison(&["a2"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["x1", "a2", "a3"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    let head = world.stored().await[1].id.position;
    let refused = world.ask(&alone, REDRIVE).await;
    assert!(matches!(refused, Err(DeskError::NotHead { head: named }) if named == head), "{refused:?}");
    world.poison(&[]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await, [Answer::Done(2), Answer::Done(1)]);
    assert_eq!(world.handled_of("a"), ["a2", "a3", "a0"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_being_redriven_is_busy_and_one_that_was_purged_is_unknown() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    let head = Filter::entry(world.stored().await[0].id.clone());
    // The verdict is not written: the redrive goes on.
    world.poison(&[]);
    world.store.hook().choose(|call| if call == "resolve" { Trouble::Refuses } else { Trouble::No });
    let wish = world.ask(&head, REDRIVE).await.unwrap().wishes[0];
    orders.wait_until(|stats| stats.redriven == 1).await;
    for act in [REDRIVE, Act::Skip, Act::Purge] {
        let refused = world.ask(&head, act).await;
        assert!(matches!(refused, Err(DeskError::Busy(busy)) if busy == wish), "{refused:?}");
    }
    world.store.hook().choose(|_| Trouble::No);
    assert_eq!(world.letters.wait(&[wish], &*world.clock).await.unwrap(), [Answer::Done(1)]);
    let follower = Filter::entry(world.stored().await[0].id.clone());
    let purge = world.ask(&follower, Act::Purge).await.unwrap().wishes;
    assert_eq!(world.letters.wait(&purge, &*world.clock).await.unwrap(), [Answer::Done(1)]);
    assert!(matches!(world.ask(&follower, REDRIVE).await, Err(DeskError::Unknown(_))));
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_wish_hears_what_became_of_it_and_of_one_that_nobody_asked_that_there_is_none() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "b1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    let desk = world.bus.desk().unwrap();
    let wishes = world.ask(&Filter::group(group()), REDRIVE).await.unwrap().wishes;
    // Who stops waiting changes nothing.
    assert!(desk.wait(&wishes, &*world.clock).now_or_never().is_none());
    assert_eq!(desk.wait(&wishes, &*world.clock).await.unwrap(), [Answer::FailedAgain(0)]);
    let nobody = WishId(wishes[0].0 + 1);
    let unknown = desk.wait(&[wishes[0], nobody], &*world.clock).await;
    assert!(matches!(unknown, Err(DeskError::NoWish(wish)) if wish == nobody), "{unknown:?}");
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_behind_a_head_that_has_left_is_found_by_what_that_died_of() {
    for leaves in [Act::Skip, REDRIVE] {
        let world = World::new();
        world.poison(&["a1", "b1"]);
        let orders = world.subscribe(|_| ()).await;
        world.publish(&["a1", "b1", "a2", "b2"]).await;
        orders.wait_until(|stats| stats.parked == 2).await;
        let head = Filter::entry(world.stored().await[0].id.clone());
        world.poison(&[]);
        world.ask(&head, leaves).await.unwrap();
        assert_eq!(world.answered(1).await, [Answer::Done(1)]);
        let dead = Filter { error: Some("poison".to_owned()), ..Filter::group(group()) };
        let dead = dead.cause(DeathCause::Exhausted);
        let asked = world.ask(&dead, REDRIVE).await.unwrap();
        assert_eq!((asked.targets, asked.events), (2, 3), "the rest of `a`, and `b`");
        let answers = world.letters.wait(&asked.wishes, &*world.clock).await.unwrap();
        assert_eq!(answers, [Answer::Done(2), Answer::Done(1)], "in the order of what is first");
        assert!(world.waiting().await.is_empty());
        world.bus.close(CLOSE).await;
    }
}

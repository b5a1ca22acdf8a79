//! Parking where the store, the operators or the handlers are of no help.

use std::collections::HashSet;
use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_application::policy::RetryPolicy;
use laneway_domain::{
    Act, AfterDeadLetter, Answer, Body, DeadLetterDesk, DeskError, Envelope, Filter, LetterId, Record,
};

use crate::store::Trouble;
use crate::world::{CLOSE, REDRIVE, World, group, key, topic};

const MINUTE: Duration = Duration::from_secs(60);

/// Retries that wait so long each.
fn waits(retries: u32, wait: Duration) -> RetryPolicy {
    let (initial_interval, max_interval) = (wait, wait);
    RetryPolicy { max_retries: retries, initial_interval, max_interval, multiplier: 1.0, jitter: 0.0 }
}

/// A world in which `a1` is dead with `a2` and `a3` behind it.
async fn parked(change: impl FnOnce(&mut SubscriptionOptions)) -> (World, Subscription) {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(change).await;
    world.publish(&["a1", "a2", "a3"]).await;
    orders.wait_until(|stats| stats.parked == 2).await;
    (world, orders)
}

async fn redrives_through(trouble: Trouble) {
    let (world, orders) = parked(|_| ()).await;
    world.poison(&[]);
    let mut seen = HashSet::new();
    world.store.hook().choose(move |call| if seen.insert(call) { trouble } else { Trouble::No });
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    world.publish(&["a4"]).await;
    assert_eq!(world.answered(1).await, [Answer::Done(4)]);
    world.publish(&["a5"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    assert_eq!(world.handled(), ["a1", "a2", "a3", "a4", "a5"]);
    assert!(world.waiting().await.is_empty());
    world.pass(MINUTE).await;
    assert!(orders.health().is_good());
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_lose_nothing_and_repeat_nothing() {
    redrives_through(Trouble::LosesAnswer).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_hangs_or_panics_once_is_asked_again() {
    for trouble in [Trouble::Refuses, Trouble::Hangs, Trouble::Panics] {
        redrives_through(trouble).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_whose_claim_never_succeeds_does_not_start_says_why_and_is_given_back_in_time() {
    let world = World::new();
    world.store.hook().choose(|call| if call == "claim" { Trouble::Hangs } else { Trouble::No });
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1"]).await;
    let mut health = orders.watch_health();
    let said = health.wait_for(|health| health.dead_letter_store.is_some()).await.unwrap();
    assert!(said.dead_letter_store.as_ref().unwrap().contains("no answer in time"));
    drop(said);
    world.bus.close(CLOSE).await;
    assert!(orders.has_ended() && world.handled().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_of_which_the_store_has_lost_everything_goes_on() {
    let (world, orders) = parked(|_| ()).await;
    world.poison(&[]);
    world.store.hook().choose(|call| if call == "page" { Trouble::Empty } else { Trouble::No });
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::Done(0)]);
    world.publish(&["a4"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    assert_eq!(world.handled(), ["a4"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_behind_a_redrive_before_the_store_knows_of_it() {
    let (world, orders) = parked(|_| ()).await;
    world.poison(&[]);
    world.store.hook().choose(|call| if call == "resolve" { Trouble::Refuses } else { Trouble::No });
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    orders.wait_until(|stats| stats.redriven == 3).await;
    world.publish(&["a4", "b1"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    world.pass(MINUTE).await;
    assert_eq!(world.handled(), ["a1", "a2", "a3", "b1"], "after a crash a1 would come behind a4");
    assert!(!orders.health().is_good());
    world.store.hook().choose(|_| Trouble::No);
    orders.wait_until(|stats| stats.handled == 2).await;
    assert_eq!(world.handled(), ["a1", "a2", "a3", "b1", "a4"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_fenced_gives_everything_up_and_joins_anew() {
    let (world, orders) = parked(|_| ()).await;
    world.poison(&[]);
    world.store.hook().choose(|call| if call == "page" { Trouble::Fenced } else { Trouble::No });
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    orders.wait_until(|stats| stats.partitions == 0).await;
    world.publish(&["a4", "b1"]).await;
    world.pass(MINUTE).await;
    assert_eq!((world.handled(), world.answers().await), (vec!["b1".to_owned()], Vec::new()));
    world.store.hook().choose(|_| Trouble::No);
    assert_eq!(world.answered(1).await, [Answer::Done(4)]);
    assert_eq!(world.handled(), ["b1", "a1", "a2", "a3", "a4"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_waited_for_its_attempt_is_not_tried_again_by_the_clock() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|options| options.retry = waits(1, 2 * MINUTE)).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 2).await;
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::FailedAgain(0)]);
    assert_eq!(world.waiting().await, ["a1 dead", "a2 behind"]);
    world.poison(&[]);
    world.pass(5 * MINUTE).await;
    assert!(world.handled().is_empty());
    world.bus.close(CLOSE).await;
}

/// `a1` waits in the store for its next attempt, with `a2` and `a3` behind it.
async fn waiting(world: &World) -> Subscription {
    world.poison(&["a1"]);
    let orders = world.subscribe(|options| options.retry = waits(9, 2 * MINUTE)).await;
    world.publish(&["a1", "a2", "a3"]).await;
    orders.wait_until(|stats| stats.parked == 3).await;
    orders
}

#[tokio::test(start_paused = true)]
async fn behind_an_event_that_waited_and_was_skipped_the_others_go_on_over_a_restart() {
    let mut world = World::new();
    waiting(&world).await;
    world.ask(&Filter::aggregate(group(), key("a")), Act::Skip).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::Done(1)]);
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    let orders = world.subscribe(|_| ()).await;
    orders.wait_until(|stats| stats.redriven == 2).await;
    assert_eq!(world.handled(), ["a2", "a3"]);
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_goes_in_the_middle_of_a_redrive_by_the_clock_leaves_the_rest_to_the_next_one() {
    let mut world = World::new();
    let orders = waiting(&world).await;
    world.poison(&[]);
    // The head is handled and leaves; what is behind it is still in the store when the process ends.
    let mut resolved = 0;
    world.store.hook().choose(move |call| {
        resolved += u32::from(call == "resolve");
        if call == "resolve" && resolved > 1 { Trouble::Hangs } else { Trouble::No }
    });
    world.store.hook().limit_pages(1);
    orders.wait_until(|stats| stats.redriven == 2).await;
    world.bus.close(Duration::ZERO).await;
    assert_eq!(world.waiting().await, ["a2 behind", "a3 behind"]);
    world.store.hook().choose(|_| Trouble::No);
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    let orders = world.subscribe(|_| ()).await;
    orders.wait_until(|stats| stats.redriven == 2).await;
    assert_eq!(world.handled(), ["a1", "a2", "a2", "a3"]);
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn behind_an_event_that_died_after_waiting_in_the_store_a_skipping_group_goes_on() {
    let mut world = World::new();
    world.poison(&["a1"]);
    let change = |options: &mut SubscriptionOptions| {
        options.retry = waits(1, 2 * MINUTE);
        options.after_dead_letter = Some(AfterDeadLetter::Skip);
    };
    let orders = world.subscribe(change).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.dead_letters == 1 && stats.redriven == 1).await;
    world.publish(&["a3"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    assert_eq!((world.handled(), world.waiting().await), (strings(["a2", "a3"]), strings(["a1 dead"])));
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    let orders = world.subscribe(change).await;
    world.publish(&["a4"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    assert_eq!(world.handled(), ["a2", "a3", "a4"], "the dead one closes no lane");
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_aggregate_waits_in_memory_longer_than_hold_and_is_tried_until_it_dies() {
    let world = World::new();
    world.poison(&["x1"]);
    let orders = world.subscribe(|options| options.retry = waits(3, 10 * MINUTE)).await;
    world.bus.publish(Envelope::new(topic(), "x1")).await.unwrap();
    orders.wait_until(|stats| stats.retries == 1).await;
    world.publish(&["a1"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    world.pass(15 * MINUTE).await;
    assert_eq!((orders.stats().retries, orders.stats().open, world.waiting().await.len()), (2, 1, 0));
    orders.wait_until(|stats| stats.dead_letters == 1 && stats.open == 0).await;
    assert_eq!(world.waiting().await, ["x1 dead"]);
    // Redriven, it has no lane that the store could close: rather than wait there it stays where it is.
    let redriven_at = laneway_domain::Clock::monotonic(&*world.clock);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::FailedAgain(0)]);
    assert!(laneway_domain::Clock::monotonic(&*world.clock).since(redriven_at) < MINUTE);
    world.poison(&[]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await[1], Answer::Done(1));
    assert_eq!((world.handled(), world.waiting().await.len()), (strings(["a1", "x1"]), 0));
    world.bus.close(CLOSE).await;
}

fn strings<const N: usize>(of: [&str; N]) -> Vec<String> {
    of.map(str::to_owned).to_vec()
}

/// Two dead letters of one aggregate, of a group that goes on behind them.
async fn two_letters() -> (World, Subscription) {
    let world = World::new();
    world.poison(&["a1", "a2"]);
    let skip = Some(AfterDeadLetter::Skip);
    let orders = world.subscribe(|options| options.after_dead_letter = skip).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.dead_letters == 2).await;
    (world, orders)
}

#[tokio::test(start_paused = true)]
async fn letters_that_close_no_lane_are_redriven_oldest_first() {
    let (world, _) = two_letters().await;
    world.poison(&[]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await, [Answer::Done(1), Answer::Done(1)]);
    assert_eq!(world.handled(), ["a1", "a2"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_whose_lane_is_parked_before_its_turn_is_redriven_when_that_is_open() {
    let (mut world, _) = two_letters().await;
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    world.poison(&["a3"]);
    let orders = world.subscribe(|options| options.retry = waits(1, MINUTE / 2)).await;
    world.publish(&["a3", "a4"]).await;
    orders.wait_until(|stats| stats.retries == 1).await;
    let letter = world.stored().await[0].id.clone();
    world.ask(&Filter::entry(letter), REDRIVE).await.unwrap();
    orders.wait_until(|stats| stats.parked == 1).await;
    world.pass(MINUTE).await;
    assert!(world.handled().is_empty());
    world.poison(&[]);
    world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await.unwrap();
    assert_eq!(world.answered(3).await, [Answer::Done(2), Answer::Done(1), Answer::Done(1)]);
    assert_eq!(world.handled(), ["a3", "a4", "a1", "a2"]);
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_no_event_where_the_entry_is_one_is_refused_and_nothing_is_written() {
    let (world, _) = parked(|_| ()).await;
    let head = Filter::entry(world.stored().await[0].id.clone());
    let refused = world.ask(&head, Act::Edit(Body::Record(Record::default()))).await;
    assert!(matches!(&refused, Err(DeskError::Invalid(invalid)) if invalid.field() == "edit"), "{refused:?}");
    assert!(world.letters.audit(&group(), None, 9).await.unwrap().is_empty());
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_of_wishes_that_is_older_than_their_answers_repeats_none_of_them() {
    let (world, _) = parked(|_| ()).await;
    let (mut pages, mut lists) = (0, 0);
    world.store.hook().choose(move |call| {
        let count = if call == "page" { &mut pages } else { &mut lists };
        *count += u32::from(["page", "wishes"].contains(&call));
        match (call, *count) {
            // The redrive takes long, and meanwhile a list is made up that arrives after its end.
            ("page", 1) => Trouble::Hangs,
            ("wishes", 3) => Trouble::Late,
            _ => Trouble::No,
        }
    });
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::FailedAgain(0)]);
    world.poison(&[]);
    world.pass(MINUTE).await;
    assert!(world.handled().is_empty(), "nobody asked for a second redrive");
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_handled_while_it_is_read_for_an_operator_is_not_handled_again() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|options| options.retry = waits(9, 2 * MINUTE)).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 2).await;
    world.poison(&["a2"]);
    // The next attempt is due; while its page is on its way an operator asks for the head, and that is read, slowly,
    // before the store hears that it was handled. By the time that it is there, nothing is under way any more.
    world
        .store
        .hook()
        .choose(|call| if ["page", "entry"].contains(&call) { Trouble::Late } else { Trouble::No });
    world.pass(2 * MINUTE).await;
    let head = world.stored().await[0].id.clone();
    world.ask(&Filter::entry(head), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::Nothing]);
    assert_eq!((world.handled(), world.waiting().await), (strings(["a1"]), strings(["a2 later"])));
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_any_more_is_answered_and_what_never_was_is_refused() {
    let (world, orders) = parked(|options| options.redrive_poll = MINUTE).await;
    let head = world.stored().await[0].id.clone();
    let nobody = LetterId { position: laneway_domain::Position::new(99), ..head.clone() };
    let refused = world.ask(&Filter::entry(nobody), REDRIVE).await;
    assert!(matches!(refused, Err(DeskError::Unknown(_))));
    world.ask(&Filter::entry(head.clone()), REDRIVE).await.unwrap();
    assert!(world.letters.remove(&head).is_some());
    assert_eq!(world.answered(1).await, [Answer::Nothing]);
    assert!(matches!(world.ask(&Filter::entry(head), Act::Purge).await, Err(DeskError::Unknown(_))));
    world.ask(&Filter::group(group()), Act::Purge).await.unwrap();
    assert_eq!(world.answered(2).await[1], Answer::Done(2));
    world.publish(&["a4"]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    world.bus.close(CLOSE).await;
}

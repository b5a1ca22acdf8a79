//! Parking and redrive where nothing goes wrong beyond handlers.

use std::time::Duration;

use laneway_application::consume::SubscriptionOptions;
use laneway_application::policy::RetryPolicy;
use laneway_domain::{Act, AggregateId, Answer, Body, DeadLetterDesk, DeskError, Envelope, Filter};
use laneway_testkit::SimClock;

use crate::world::{CLOSE, REDRIVE, World, by, group, key, topic};

#[tokio::test(start_paused = true)]
async fn what_follows_a_dead_head_is_parked_in_order_and_the_others_go_on() {
    let world = World::new();
    world.poison(&["a2"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2", "b1", "a3", "b2", "a4"]).await;
    let stats = orders.wait_until(|stats| stats.handled + stats.dead_letters + stats.parked == 6).await;
    assert_eq!((stats.dead_letters, stats.parked, stats.lanes.parked), (1, 2, 1));
    assert_eq!(
        (world.handled_of("a"), world.handled_of("b")),
        (vec!["a1".to_owned()], vec!["b1".to_owned(), "b2".to_owned()])
    );
    assert_eq!(world.waiting().await, ["a2 dead", "a3 behind", "a4 behind"]);
    assert_eq!(orders.wait_until(|stats| stats.open == 0).await.open_bytes, 0);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_redrive_handles_everything_in_order_and_live_events_come_behind_it() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    world.poison(&[]);
    let asked = world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await.unwrap();
    assert_eq!((asked.targets, asked.events, asked.wishes.len()), (1, 2, 1));
    world.publish(&["a3", "b1"]).await;
    assert_eq!(world.answered(1).await, [Answer::Done(3)]);
    world.publish(&["a4"]).await;
    let stats = orders.wait_until(|stats| stats.handled == 2).await;
    assert_eq!((stats.redriven, stats.lanes.parked), (3, 0));
    assert_eq!(world.handled(), ["b1", "a1", "a2", "a3", "a4"]);
    assert!(world.waiting().await.is_empty());
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_failure_keeps_what_is_left_parked_in_order() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2", "a3", "a4"]).await;
    orders.wait_until(|stats| stats.parked == 3).await;
    world.poison(&["a3"]);
    world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::FailedAgain(2)]);
    assert_eq!(world.waiting().await, ["a3 dead", "a4 behind"]);
    world.publish(&["a5"]).await;
    orders.wait_until(|stats| stats.parked == 4).await;
    world.poison(&[]);
    world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await[1], Answer::Done(3));
    assert_eq!(world.handled(), ["a1", "a2", "a3", "a4", "a5"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_stays_parked_over_a_restart_and_is_redriven_by_the_next_owner() {
    let mut world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    world.poison(&[]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a3", "b1"]).await;
    orders.wait_until(|stats| stats.parked == 1 && stats.handled == 1).await;
    assert_eq!(world.handled(), ["b1"]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::Done(3)]);
    assert_eq!(world.handled(), ["b1", "a1", "a2", "a3"]);
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn a_large_aggregate_comes_back_page_by_page_while_live_events_go_on_to_the_store() {
    let world = World::new();
    world.poison(&["a000"]);
    let orders = world.subscribe(|_| ()).await;
    let all: Vec<String> = (0..300).map(|n| format!("a{n:03}")).collect();
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    world.publish(&names[..250]).await;
    orders.wait_until(|stats| stats.parked == 249).await;
    world.poison(&[]);
    world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await.unwrap();
    for name in &names[250..] {
        world.publish(&[name]).await;
        tokio::task::yield_now().await;
    }
    orders.wait_until(|stats| stats.redriven + stats.handled == 300).await;
    assert_eq!(world.handled(), all);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn an_operator_skips_edits_and_purges_with_an_audit() {
    let world = World::new();
    world.poison(&["a1", "b1", "c1"]);
    let orders = world.subscribe(|_| ()).await;
    world.publish(&["a1", "b1", "c1", "a2", "b2", "c2"]).await;
    orders.wait_until(|stats| stats.parked == 3).await;
    let stored = world.stored().await;
    let entry = |name: usize| Filter::entry(stored[name].id.clone());
    world.ask(&entry(0), Act::Skip).await.unwrap();
    let Body::Event(original) = stored[1].original.clone() else { unreachable!() };
    let stranger = Envelope::new(topic(), "b1 mended").with_aggregate(AggregateId::new("b").unwrap());
    let refused = world.ask(&entry(1), Act::Edit(Body::Event(stranger))).await;
    assert!(
        matches!(&refused, Err(DeskError::Invalid(invalid)) if invalid.field() == "edit.id"),
        "{refused:?}"
    );
    world.ask(&entry(1), Act::Edit(Body::Event(original.with_payload("b1 mended")))).await.unwrap();
    world.ask(&Filter::aggregate(group(), key("c")), Act::Purge).await.unwrap();
    world.answered(3).await;
    assert_eq!(world.waiting().await, ["b1 mended dead", "a2 behind", "b2 behind"]);
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(5).await[3..].len(), 2);
    world.publish(&["c3"]).await;
    orders.wait_until(|stats| stats.handled == 1 && stats.redriven == 3).await;
    let mut handled = world.handled();
    handled.sort();
    assert_eq!(handled, ["a2", "b1 mended", "b2", "c3"]);
    let audit = world.letters.audit(&group(), None, 100).await.unwrap();
    assert!(audit.len() == 10 && audit.iter().all(|(_, line)| line.by == by()));
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_for_is_refused_with_the_reason() {
    let world = World::new();
    world.poison(&["a1"]);
    let orders = world.subscribe(|options| options.redrive_poll = Duration::from_secs(3_600)).await;
    world.publish(&["a1", "a2"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    let stored = world.stored().await;
    let (head, follower) = (Filter::entry(stored[0].id.clone()), Filter::entry(stored[1].id.clone()));
    assert!(
        matches!(world.ask(&follower, REDRIVE).await, Err(DeskError::NotHead { head }) if head == stored[0].id.position)
    );
    let dry =
        world.letters.ask(&Filter::group(group()), REDRIVE, &by(), SimClock::BIRTH, true).await.unwrap();
    assert_eq!((dry.targets, dry.events, dry.wishes.len()), (1, 2, 0));
    assert!(world.letters.audit(&group(), None, 9).await.unwrap().is_empty(), "a dry run asks for nothing");
    world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await.unwrap();
    assert!(matches!(world.ask(&head, REDRIVE).await, Err(DeskError::Busy(_))));
    assert!(matches!(
        world.ask(&Filter::aggregate(group(), key("a")), REDRIVE).await,
        Err(DeskError::Busy(_))
    ));
    assert_eq!(world.ask(&Filter::group(group()), REDRIVE).await.unwrap().already, 1);
    assert!(matches!(
        world.ask(&Filter::aggregate(group(), key("z")), REDRIVE).await,
        Err(DeskError::Unknown(_))
    ));
    let edit = Act::Edit(Body::Event(Envelope::new(topic(), "x")));
    assert!(matches!(world.ask(&Filter::group(group()), edit).await, Err(DeskError::Invalid(_))));
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_would_wait_long_waits_in_the_store_with_its_followers_and_comes_back_by_itself() {
    let world = World::new();
    world.poison(&["a1"]);
    let retry = RetryPolicy {
        max_retries: 5,
        initial_interval: Duration::from_secs(120),
        max_interval: Duration::from_secs(120),
        multiplier: 1.0,
        jitter: 0.0,
    };
    let orders = world.subscribe(|options| options.retry = retry).await;
    world.publish(&["a1", "a2", "b1"]).await;
    orders.wait_until(|stats| stats.parked == 2 && stats.open == 0).await;
    assert_eq!(world.waiting().await, ["a1 later", "a2 behind"]);
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(world.handled(), ["b1"], "it is not due yet");
    world.poison(&[]);
    let stats = orders.wait_until(|stats| stats.redriven == 2).await;
    assert_eq!((stats.dead_letters, world.handled()), (0, ["b1", "a1", "a2"].map(str::to_owned).to_vec()));
    world.publish(&["a3"]).await;
    orders.wait_until(|stats| stats.handled == 2).await;
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_fills_behind_a_waiting_head_moves_into_the_store() {
    let world = World::new();
    world.poison(&["a0"]);
    let retry = RetryPolicy {
        max_retries: 5,
        initial_interval: Duration::from_secs(30),
        max_interval: Duration::from_secs(30),
        multiplier: 1.0,
        jitter: 0.0,
    };
    let change = |options: &mut SubscriptionOptions| (options.retry, options.lane_capacity) = (retry, 3);
    let orders = world.subscribe(change).await;
    world.publish(&["a0", "a1", "a2", "a3", "a4", "b0"]).await;
    orders.wait_until(|stats| stats.parked == 5 && stats.open == 0).await;
    world.poison(&[]);
    orders.wait_until(|stats| stats.redriven == 5).await;
    assert_eq!(world.handled(), ["b0", "a0", "a1", "a2", "a3", "a4"]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_redrive_with_a_cap_takes_its_time() {
    let world = World::new();
    world.poison(&["a00"]);
    let orders = world.subscribe(|_| ()).await;
    let all: Vec<String> = (0..50).map(|n| format!("a{n:02}")).collect();
    world.publish(&all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    orders.wait_until(|stats| stats.parked == 49).await;
    world.poison(&[]);
    let start = laneway_domain::Clock::monotonic(&*world.clock);
    world.ask(&Filter::group(group()), Act::Redrive { per_second: Some(10) }).await.unwrap();
    orders.wait_until(|stats| stats.redriven == 50).await;
    let took = laneway_domain::Clock::monotonic(&*world.clock).since(start);
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
    assert_eq!(world.handled(), all);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_parked_aggregates_are_redriven_with_a_wish_each() {
    let world = World::new();
    let names: Vec<String> = (0..10_000).map(|n| format!("n{n}")).collect();
    world.poison(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let orders = world.subscribe(|_| ()).await;
    for name in &names {
        let event = Envelope::new(topic(), name.clone()).with_aggregate(AggregateId::new(name).unwrap());
        world.bus.publish(event).await.unwrap();
    }
    orders.wait_until(|stats| stats.dead_letters == 10_000).await;
    world.poison(&[]);
    assert_eq!(world.ask(&Filter::group(group()), REDRIVE).await.unwrap().wishes.len(), 10_000);
    orders.wait_until(|stats| stats.redriven == 10_000).await;
    assert!(world.waiting().await.is_empty());
    world.bus.close(CLOSE).await;
}

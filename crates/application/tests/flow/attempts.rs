//! Every attempt takes a token, the first and the later ones, and what comes back from the dead-letter store.

use std::time::Duration;

use laneway_application::policy::RetryPolicy;

use crate::world::{CLOSE, World, event, of_subscription, of_tenant};

const NO_TIME: Duration = Duration::ZERO;

fn retries(max_retries: u32) -> RetryPolicy {
    let (initial_interval, max_interval) = (Duration::from_millis(1), Duration::from_millis(1));
    RetryPolicy { max_retries, initial_interval, max_interval, multiplier: 1.0, jitter: 0.0 }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_takes_a_token_whichever_it_is() {
    let world = World::new();
    world.poison(&["a/x/0"]);
    let change = |options: &mut laneway_application::consume::SubscriptionOptions| {
        (options.flow, options.retry) = (of_subscription(10.0, 1), retries(3));
    };
    let orders = world.subscribe(NO_TIME, change).await;
    world.publish(vec![event("a", "x", 0)]).await;
    orders
        .wait_until(|stats| {
            stats.retries == 3 && stats.lanes.active == 0 && stats.parked + stats.dead_letters > 0
        })
        .await;
    assert_eq!(world.times(), [0, 100, 200, 300]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_waits_for_its_retry_keeps_no_token_from_others() {
    let world = World::new();
    world.poison(&["a/x/0"]);
    let mut retry = retries(1);
    (retry.initial_interval, retry.max_interval) = (Duration::from_secs(5), Duration::from_secs(5));
    let change = |options: &mut laneway_application::consume::SubscriptionOptions| {
        (options.flow, options.retry) = (of_tenant("a", 10.0, 1), retry);
    };
    let orders = world.subscribe(NO_TIME, change).await;
    world.publish(vec![event("a", "x", 0), event("a", "x", 1), event("a", "y", 0), event("a", "z", 0)]).await;
    orders.wait_until(|stats| stats.handled == 2).await;
    let times: Vec<_> = world.starts().into_iter().map(|(_, at)| at).collect();
    assert_eq!(times, [0, 100, 200]);
    let failed = world.starts_of("a/x/0")[0].1;
    world.poison(&[]);
    orders.wait_until(|stats| stats.handled == 4).await;
    assert_eq!(world.times()[3..], [failed + 5_000, failed + 5_100]);
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_redriven_takes_tokens_and_the_marker_behind_it_none() {
    let world = World::new();
    world.poison(&["a/x/0"]);
    let orders = world.subscribe(NO_TIME, |options| options.flow = of_tenant("a", 1.0, 1)).await;
    world.publish((0..3).map(|n| event("a", "x", n)).collect()).await;
    orders.wait_until(|stats| stats.parked == 2).await;
    world.poison(&[]);
    world.redrive_all().await;
    orders.wait_until(|stats| stats.redriven == 3).await;
    world.publish(vec![event("a", "x", 3), event("a", "y", 0)]).await;
    orders.wait_until(|stats| stats.handled == 2).await;
    let times = world.times();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= 1_000), "{gaps:?}");
    assert_eq!(gaps[1..], [1_000; 4], "the marker cost no token: {:?}", world.starts());
    world.bus.close(CLOSE).await;
}

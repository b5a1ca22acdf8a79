//! How many handlers run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use laneway_application::recovery::RecoveryMode::Recovering;
use laneway_application::recovery::{ConcurrencyPolicy, RecoveryOptions};

use crate::world::{World, seconds};

#[tokio::test(start_paused = true)]
async fn the_limit_follows_what_the_handlers_can_take_within_its_bounds() {
    let world = World::new();
    let capacity = Arc::new(AtomicUsize::new(100));
    let takes = {
        let capacity = capacity.clone();
        move |running: usize| {
            let crowd = running as f64 / capacity.load(Ordering::SeqCst) as f64;
            Duration::from_millis(20).mul_f64(crowd.max(1.0))
        }
    };
    let mut options = world.options(&["t"]);
    let concurrency = ConcurrencyPolicy { min: 8, max: 400, ..ConcurrencyPolicy::default() };
    options.recovery = Some(RecoveryOptions { concurrency, ..world.recovery() });
    world.publish("t", 100_000).await;
    let orders = world.bus.subscribe(options, world.handler(takes)).await.unwrap();
    orders.wait_until(|stats| stats.recovery.mode == Recovering).await;
    world.wait(seconds(8)).await;
    let high = orders.stats().recovery.concurrency;
    assert!((80..=200).contains(&high), "{high} where 100 are served at once");
    assert!(world.most.load(Ordering::SeqCst) > 80, "the limit is used");
    capacity.store(10, Ordering::SeqCst);
    world.wait(seconds(8)).await;
    let low = orders.stats().recovery.concurrency;
    assert!((8..=40).contains(&low), "{low} where 10 are served at once");
    world.most.store(0, Ordering::SeqCst);
    world.wait(seconds(1)).await;
    let most = world.most.load(Ordering::SeqCst);
    assert!(most <= high.min(42), "{most} run with a limit of {low}");
}

#[tokio::test(start_paused = true)]
async fn handlers_that_stay_quick_get_all_that_is_allowed_and_no_more_and_then_what_they_had() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    let concurrency = ConcurrencyPolicy { min: 8, max: 40, ..ConcurrencyPolicy::default() };
    options.recovery = Some(RecoveryOptions { concurrency, ..world.recovery() });
    world.publish("t", 30_000).await;
    let orders = world.bus.subscribe(options, world.handler(|_| Duration::from_millis(20))).await.unwrap();
    orders.wait_until(|stats| stats.recovery.concurrency == 40).await;
    orders.wait_until(|stats| stats.handled == 30_000).await;
    assert_eq!(world.most.swap(0, Ordering::SeqCst), 40);
    orders.wait_until(|stats| stats.recovery.mode == Default::default()).await;
    world.publish("t", 99).await;
    orders.wait_until(|stats| stats.handled == 30_099).await;
    assert_eq!(world.most.load(Ordering::SeqCst), 10);
}

#[tokio::test(start_paused = true)]
async fn while_recovering_more_may_be_open() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    options.buffer.partition_events = 20;
    options.batch_events = 1;
    world.publish("t", 500).await;
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(10))).await.unwrap();
    orders.wait_until(|stats| stats.recovery.mode == Recovering).await;
    let open = orders.wait_until(|stats| stats.open > 41).await.open;
    assert!(open > 41);
    let most = orders.wait_until(|stats| stats.handled == 500).await;
    assert_eq!(most.open, 0);
}

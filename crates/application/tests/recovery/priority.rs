//! Subscriptions that give way.

use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_application::recovery::RecoveryMode::{Normal, Recovering};
use laneway_application::recovery::{PausePolicy, Priority};
use laneway_domain::{AggregateId, Envelope, GroupId, Monotonic};
use laneway_memory::{MemoryConfig, Overflow};

use crate::world::{World, seconds, topic};

impl World {
    async fn low(&self, policy: PausePolicy) -> Subscription {
        let options = SubscriptionOptions {
            priority: Priority::Low(policy),
            workers: 2,
            max_in_flight: 10,
            ..SubscriptionOptions::new(GroupId::new("low").unwrap(), [topic("low")])
        };
        self.bus.subscribe(options, self.handler(|_| Duration::from_millis(100))).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_low_priority_pauses_while_another_recovers_and_goes_on_afterwards() {
    let world = World::new();
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    let low = world.low(PausePolicy::default()).await;
    world.publish("low", 1).await;
    low.wait_until(|stats| stats.handled == 1).await;
    orders.recover().await.unwrap();
    low.wait_until(|stats| stats.recovery.paused).await;
    world.publish("low", 50).await;
    world.publish("t", 50).await;
    orders.wait_until(|stats| stats.handled == 50).await;
    assert_eq!(low.stats().handled, 1, "it handled although it was paused");
    orders.wait_until(|stats| stats.recovery.mode != Recovering).await;
    let stats = low.wait_until(|stats| stats.handled == 51).await;
    assert!(!stats.recovery.paused);
}

#[tokio::test(start_paused = true)]
async fn one_event_after_the_other_pauses_as_well() {
    let world = World::new();
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    let low = world.low(PausePolicy::default()).await;
    let one =
        |n: usize| Envelope::new(topic("low"), n.to_string()).with_aggregate(AggregateId::new("a").unwrap());
    world.bus.publish_batch((0..100).map(one).collect()).await;
    low.wait_until(|stats| stats.handled == 1).await;
    orders.recover().await.unwrap();
    let before = low.wait_until(|stats| stats.recovery.paused).await.handled;
    world.wait(seconds(3)).await;
    let stats = low.stats();
    assert!(stats.recovery.paused && stats.handled <= before + 1, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_ends_with_its_subscription_holds_nobody_any_more() {
    let world = World::new();
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    let low = world.low(PausePolicy::default()).await;
    orders.recover().await.unwrap();
    low.wait_until(|stats| stats.recovery.paused).await;
    orders.close(seconds(1)).await;
    low.wait_until(|stats| !stats.recovery.paused).await;
}

#[tokio::test(start_paused = true)]
async fn one_of_low_priority_that_recovers_itself_makes_nobody_wait() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    options.priority = Priority::Low(PausePolicy::default());
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(1))).await.unwrap();
    let low = world.low(PausePolicy::default()).await;
    orders.recover().await.unwrap();
    world.publish("low", 20).await;
    low.wait_until(|stats| stats.handled == 20).await;
    assert_eq!((orders.stats().recovery.mode, low.stats().recovery.paused), (Recovering, false));
}

#[tokio::test(start_paused = true)]
async fn a_pause_has_a_longest_time_and_is_not_repeated_in_the_same_recovery() {
    let world = World::new();
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    let low = world.low(PausePolicy { max_pause: seconds(7), ..PausePolicy::default() }).await;
    orders.recover().await.unwrap();
    low.wait_until(|stats| stats.recovery.paused).await;
    low.wait_until(|stats| !stats.recovery.paused).await;
    assert_eq!(world.clock.monotonic().since(Monotonic::ZERO).as_secs(), 7);
    assert_eq!(orders.stats().recovery.mode, Recovering);
    world.wait(seconds(1)).await;
    assert!(!low.stats().recovery.paused);
    orders.wait_until(|stats| stats.recovery.mode == Normal).await;
    world.wait(seconds(20)).await;
    orders.recover().await.unwrap();
    low.wait_until(|stats| stats.recovery.paused).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_before_the_broker_drops_what_it_keeps_back() {
    let config = MemoryConfig {
        partitions: 1,
        retention_events: 100,
        overflow: Overflow::DropOldest,
        ..MemoryConfig::default()
    };
    let world = World::with(config);
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    let policy = PausePolicy { margin: seconds(3), interval: seconds(1), ..PausePolicy::default() };
    let low = world.low(policy).await;
    world.publish("low", 50).await;
    low.wait_until(|stats| stats.handled == 50).await;
    world.wait(seconds(2)).await;
    orders.recover().await.unwrap();
    // Ten a second: the broker begins to drop what is handled long before it comes to what is not.
    while low.stats().recovery.paused || low.stats().handled == 50 {
        world.publish("low", 10).await;
        world.publish("t", 200).await;
        world.wait(seconds(1)).await;
    }
    assert_eq!((low.stats().gaps, orders.stats().recovery.mode), (0, Recovering));
}

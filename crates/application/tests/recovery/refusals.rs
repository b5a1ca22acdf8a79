//! What is refused, and how.

use std::sync::Arc;

use async_trait::async_trait;
use laneway_application::Bus;
use laneway_application::consume::{Ground, SubscriptionError};
use laneway_application::recovery::{
    ConcurrencyPolicy, PausePolicy, Priority, RecoveryOptions, RecoveryPolicy, SwitchRefused,
};
use laneway_domain::{Invalid, Session, SubscribeError, Subscriber, SubscriberCapabilities, Subscription};
use laneway_memory::{MemoryBroker, MemoryConfig};

use crate::world::{World, seconds};

/// A broker that tells no lag.
struct Silent(MemoryBroker);

#[async_trait]
impl Subscriber for Silent {
    fn capabilities(&self) -> &SubscriberCapabilities {
        Subscriber::capabilities(&self.0)
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        self.0.open(subscription).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_tells_no_lag_recovers_nothing() {
    let world = World::new();
    let broker = MemoryBroker::new(MemoryConfig::default(), world.clock.clone()).unwrap();
    let ground =
        Ground { subscriber: Arc::new(Silent(broker)), dead_letters: None, clock: world.clock.clone() };
    let publisher = MemoryBroker::new(MemoryConfig::default(), world.clock.clone()).unwrap();
    let bus = Bus::new(Arc::new(publisher), ground);
    let refused = bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap_err();
    assert!(matches!(refused, SubscriptionError::Unsupported(_)), "{refused}");
    assert!(refused.to_string().contains("lag"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn without_options_nobody_can_switch_and_the_mode_is_normal() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    options.recovery = None;
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(1))).await.unwrap();
    assert_eq!(orders.recover().await, Err(SwitchRefused::Off));
    assert!(SwitchRefused::Off.to_string().contains("set `recovery`"));
    world.publish("t", 500).await;
    let stats = orders.wait_until(|stats| stats.handled == 500).await;
    assert_eq!((stats.recovery.mode, stats.recovery.concurrency), (Default::default(), 10));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_has_ended_says_so() {
    let world = World::new();
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    orders.close(seconds(1)).await;
    assert_eq!(orders.recover().await, Err(SwitchRefused::Ended));
}

#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_meant_are_refused_all_at_once() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    let flaps = RecoveryPolicy { enter_events: 10, exit_events: 10, ..RecoveryPolicy::default() };
    let reversed = ConcurrencyPolicy { min: 50, max: 40, ..ConcurrencyPolicy::default() };
    options.recovery =
        Some(RecoveryOptions { policy: flaps, concurrency: reversed, ..RecoveryOptions::default() });
    options.priority = Priority::Low(PausePolicy { max_pause: seconds(0), ..PausePolicy::default() });
    let refused = world.bus.subscribe(options, world.handler(|_| seconds(1))).await.unwrap_err();
    let SubscriptionError::Config(faults) = refused else { panic!("{refused}") };
    let fields: Vec<_> = faults.faults().iter().map(Invalid::field).collect();
    assert_eq!(fields, ["recovery.policy.exit_events", "recovery.concurrency.max", "priority.max_pause"]);
}

//! Of several handlers, those that an event is still due for go with it into the store and come back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_application::policy::RetryPolicy;
use laneway_domain::{
    AfterDeadLetter, Answer, Event, Filter, Handler, HandlerContext, HandlerError, HandlerMask,
};

use crate::world::{CLOSE, REDRIVE, World, group, topic};

/// The first of its two handlers succeeds at once; the second as soon as it is told to.
#[derive(Clone, Default)]
struct Two {
    asked: Arc<Mutex<Vec<HandlerMask>>>,
    healed: Arc<Mutex<bool>>,
}

impl Two {
    async fn subscribe(&self, world: &World, change: impl FnOnce(&mut SubscriptionOptions)) -> Subscription {
        let mut options = SubscriptionOptions::new(group(), [topic()]);
        options.retry = RetryPolicy::none();
        change(&mut options);
        world.bus.subscribe(options, self.clone()).await.unwrap()
    }

    fn heal(&self) {
        *self.healed.lock().unwrap() = true;
    }

    fn asked(&self) -> Vec<HandlerMask> {
        self.asked.lock().unwrap().clone()
    }
}

impl Handler for Two {
    async fn handle<'a>(&'a self, _: &'a Event, context: &'a HandlerContext<'a>) -> Result<(), HandlerError> {
        self.asked.lock().unwrap().push(context.due);
        if *self.healed.lock().unwrap() {
            return Ok(());
        }
        Err(HandlerError::retryable("the second fails").with_due(HandlerMask::of([1])))
    }
}

const SECOND: fn() -> HandlerMask = || HandlerMask::of([1]);

async fn is_redriven_for_the_second_alone(policy: AfterDeadLetter) {
    let (mut world, two) = (World::new(), Two::default());
    let orders = two.subscribe(&world, |options| options.after_dead_letter = Some(policy)).await;
    world.publish(&["a1"]).await;
    orders.wait_until(|stats| stats.dead_letters == 1).await;
    world.bus.close(CLOSE).await;
    let (old, broker) = (world.bus.clone(), world.broker.clone());
    world.restart();
    two.subscribe(&world, |options| options.after_dead_letter = Some(policy)).await;
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(1).await, [Answer::FailedAgain(0)]);
    two.heal();
    world.ask(&Filter::group(group()), REDRIVE).await.unwrap();
    assert_eq!(world.answered(2).await[1], Answer::Done(1));
    assert_eq!(two.asked(), [HandlerMask::ALL, SECOND(), SECOND()]);
    world.bus.close(CLOSE).await;
    drop((old, broker));
}

#[tokio::test(start_paused = true)]
async fn a_parked_event_is_redriven_for_the_handlers_that_it_is_due_for() {
    is_redriven_for_the_second_alone(AfterDeadLetter::Park).await;
}

#[tokio::test(start_paused = true)]
async fn a_buried_event_is_redriven_for_the_handlers_that_it_is_due_for() {
    is_redriven_for_the_second_alone(AfterDeadLetter::Skip).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_in_the_store_is_tried_again_for_the_handlers_that_it_is_due_for() {
    let (world, two) = (World::new(), Two::default());
    let wait = Duration::from_secs(120);
    let retry = RetryPolicy {
        max_retries: 5,
        initial_interval: wait,
        max_interval: wait,
        multiplier: 1.0,
        jitter: 0.0,
    };
    let orders = two.subscribe(&world, |options| options.retry = retry).await;
    world.publish(&["a1"]).await;
    orders.wait_until(|stats| stats.parked == 1).await;
    two.heal();
    orders.wait_until(|stats| stats.redriven == 1).await;
    assert_eq!(two.asked(), [HandlerMask::ALL, SECOND()]);
    world.bus.close(CLOSE).await;
}

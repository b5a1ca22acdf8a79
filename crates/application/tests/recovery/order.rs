//! What is in order where order is kept only while recovering.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions};
use laneway_application::recovery::RecoveryMode::Normal;
use laneway_application::recovery::{RecoveryOptions, RecoveryPolicy};
use laneway_application::route::OrderingMode;
use laneway_domain::{AggregateId, Clock, Envelope, Event, Handler, HandlerError, handler_fn};

use crate::world::{World, topic};

const HYSTERESIS: Duration = Duration::from_millis(50);

/// What runs and is done of every aggregate, and how many starts broke the order.
#[derive(Default)]
struct Book {
    running: HashMap<String, Vec<u64>>,
    done: HashMap<String, u64>,
    failed: HashSet<u64>,
    broken: usize,
}

impl Book {
    fn start(&mut self, aggregate: &str, number: u64) {
        let running = self.running.entry(aggregate.to_owned()).or_default();
        let late = self.done.get(aggregate).is_some_and(|done| *done > number);
        self.broken += usize::from(late || !running.is_empty());
        running.push(number);
    }

    /// Whether the attempt succeeds; the first one of every eleventh event does not.
    fn end(&mut self, aggregate: &str, number: u64) -> bool {
        self.running.entry(aggregate.to_owned()).or_default().retain(|known| *known != number);
        if number.is_multiple_of(11) && self.failed.insert(number) {
            return false;
        }
        let done = self.done.entry(aggregate.to_owned()).or_default();
        *done = number.max(*done);
        true
    }
}

struct Flow {
    world: World,
    orders: Subscription,
    ordered: Arc<Mutex<Book>>,
    unordered: Arc<Mutex<Book>>,
    number: u64,
}

/// Takes 0 to 30 ms, and fails at times; events say of themselves whether they are to be in order.
fn handler(clock: Arc<dyn Clock>, ordered: Arc<Mutex<Book>>, unordered: Arc<Mutex<Book>>) -> impl Handler {
    handler_fn(move |event: Event| {
        let (clock, ordered, unordered) = (clock.clone(), ordered.clone(), unordered.clone());
        async move {
            let text = String::from_utf8_lossy(event.payload()).into_owned();
            let number: u64 = text[1..].parse().unwrap();
            let aggregate = event.aggregate().unwrap().to_string();
            let book = if text.starts_with('o') { ordered } else { unordered };
            book.lock().unwrap().start(&aggregate, number);
            clock.wake_at(clock.monotonic() + Duration::from_millis(number * 7_919 % 31)).await;
            if book.lock().unwrap().end(&aggregate, number) {
                Ok(())
            } else {
                Err(HandlerError::retryable("again"))
            }
        }
    })
}

impl Flow {
    async fn new(ordering: OrderingMode) -> Self {
        let world = World::new();
        let policy = RecoveryPolicy {
            hysteresis: HYSTERESIS,
            transition_threshold: 1_000,
            ..RecoveryPolicy::default()
        };
        let options = SubscriptionOptions {
            ordering,
            recovery: Some(RecoveryOptions { policy, ..RecoveryOptions::default() }),
            ..world.options(&["t"])
        };
        let (ordered, unordered) = (Arc::default(), Arc::default());
        let work = handler(world.clock.clone(), Arc::clone(&ordered), Arc::clone(&unordered));
        let orders = world.bus.subscribe(options, work).await.unwrap();
        Self { world, orders, ordered, unordered, number: 0 }
    }

    /// Publishes some of 5 aggregates, and waits until they are read.
    async fn publish(&mut self, kind: char, events: u64) {
        let event = |n: u64| {
            let aggregate = AggregateId::new(format!("a{}", n % 5)).unwrap();
            Envelope::new(topic("t"), format!("{kind}{n}")).with_aggregate(aggregate)
        };
        let last = self.number + events;
        for answer in self.world.bus.publish_batch((self.number..last).map(event).collect()).await {
            answer.unwrap();
        }
        self.number = last;
        let read = |stats: &laneway_application::consume::SubscriptionStats| {
            stats.handled + stats.open as u64 >= last
        };
        self.orders.wait_until(read).await;
    }

    /// Switches back and forth, with events around each switch.
    async fn play(&mut self, rounds: u64) {
        for round in 0..rounds {
            self.publish('u', 20 + round % 7).await;
            self.world.wait(HYSTERESIS).await;
            self.orders.recover().await.unwrap();
            self.publish('o', 30 + round % 13).await;
            self.world.wait(HYSTERESIS).await;
            self.publish('o', 10).await;
            self.orders.end_recovery().await.unwrap();
            if self.orders.stats().recovery.mode != Normal {
                self.publish('u', 5).await;
            }
            self.orders.wait_until(|stats| stats.recovery.mode == Normal).await;
        }
        let all = self.number;
        self.orders.wait_until(|stats| stats.handled == all).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_while_recovering_is_in_order_across_every_switch() {
    let mut flow = Flow::new(OrderingMode::OrderedWhileRecovering).await;
    flow.play(30).await;
    assert_eq!(flow.ordered.lock().unwrap().broken, 0);
    assert!(
        flow.unordered.lock().unwrap().broken > 0,
        "normal times are in order too: the mode does nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn the_test_of_order_sees_where_there_is_none() {
    let mut flow = Flow::new(OrderingMode::Unordered).await;
    flow.play(3).await;
    assert!(flow.ordered.lock().unwrap().broken > 0);
}

#[tokio::test(start_paused = true)]
async fn where_order_is_kept_always_no_switch_breaks_it() {
    let mut flow = Flow::new(OrderingMode::PerAggregate).await;
    flow.play(30).await;
    let broken = |book: &Arc<Mutex<Book>>| book.lock().unwrap().broken;
    assert_eq!((broken(&flow.ordered), broken(&flow.unordered)), (0, 0));
}

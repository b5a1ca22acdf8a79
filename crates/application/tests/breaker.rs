//! The circuit breaker: what handlers need goes down, and comes back.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Hooks, Subscription, SubscriptionOptions, SubscriptionStats};
use laneway_application::policy::{BreakerPolicy, BreakerState, RetryPolicy};
use laneway_domain::{
    AggregateId, Clock, Envelope, Event, GroupId, HandlerError, Invalid, Monotonic, TopicName, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway_testkit::SimClock;

/// How the thing that handlers need is.
#[derive(Default)]
struct Dependency {
    down: AtomicBool,
    /// Whether it does not answer at all while it is down.
    hangs: AtomicBool,
    /// Whether what it answers will never change.
    refuses: AtomicBool,
    /// Whether it takes everything but `a0/0`.
    poisoned: AtomicBool,
    asked: AtomicUsize,
    handled: Mutex<Vec<String>>,
}

impl Dependency {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn set(&self, flag: fn(&Self) -> &AtomicBool, to: bool) {
        flag(self).store(to, Ordering::SeqCst);
    }

    fn is(&self, flag: fn(&Self) -> &AtomicBool) -> bool {
        flag(self).load(Ordering::SeqCst)
    }

    async fn answer(&self, event: &Event) -> Result<(), HandlerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is(|it| &it.refuses) {
            return Err(HandlerError::fatal("refused"));
        }
        if self.is(|it| &it.down) && self.is(|it| &it.hangs) {
            std::future::pending::<()>().await;
        }
        let name = String::from_utf8_lossy(event.payload()).into_owned();
        if self.is(|it| &it.down) || (self.is(|it| &it.poisoned) && name == "a0/0") {
            return Err(HandlerError::retryable("down"));
        }
        self.handled.lock().unwrap().push(name);
        Ok(())
    }
}

struct Scene {
    bus: Bus,
    clock: Arc<SimClock>,
    dependency: Arc<Dependency>,
    states: Arc<Mutex<Vec<BreakerState>>>,
    subscription: Subscription,
}

fn topic() -> TopicName {
    TopicName::new("orders").unwrap()
}

fn options() -> SubscriptionOptions {
    let mut options = SubscriptionOptions::new(GroupId::new("g").unwrap(), [topic()]);
    options.workers = 2;
    options.seed = Some(7);
    options.breaker = Some(BreakerPolicy::default());
    options
}

impl Scene {
    async fn new(mut options: SubscriptionOptions) -> Self {
        let clock = Arc::new(SimClock::new());
        let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
        let dead_letters = Some(Arc::new(MemoryDeadLetters::new()) as _);
        let bus = Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters, clock: clock.clone() });
        let (dependency, states) = (Arc::new(Dependency::default()), Arc::new(Mutex::new(Vec::new())));
        let told = states.clone();
        options.hooks = Hooks::default().on_breaker(move |state| told.lock().unwrap().push(*state));
        let needs = dependency.clone();
        let handler = handler_fn(move |event: Event| {
            let needs = needs.clone();
            async move { needs.answer(&event).await }
        });
        let subscription = bus.subscribe(options, handler).await.unwrap();
        Self { bus, clock, dependency, states, subscription }
    }

    /// Publishes events `0` to `n - 1` of each of these aggregates.
    async fn publish(&self, aggregates: usize, n: usize) {
        let event = |at: usize| {
            let (aggregate, number) = (at % aggregates, at / aggregates);
            let id = AggregateId::new(format!("a{aggregate}")).unwrap();
            Envelope::new(topic(), format!("a{aggregate}/{number}")).with_aggregate(id)
        };
        for answer in self.bus.publish_batch((0..aggregates * n).map(event).collect()).await {
            answer.unwrap();
        }
    }

    async fn pass(&self, time: Duration) {
        self.clock.wake_at(self.clock.monotonic() + time).await;
    }

    async fn until(&self, is_met: impl FnMut(&SubscriptionStats) -> bool) -> SubscriptionStats {
        let late = self.clock.wake_at(self.clock.monotonic() + Duration::from_secs(3_600));
        tokio::select! {
            stats = self.subscription.wait_until(is_met) => stats,
            () = late => panic!("{:?}", self.subscription.stats()),
        }
    }

    fn states(&self) -> Vec<&'static str> {
        let word = |state: &BreakerState| match state {
            BreakerState::Closed => "closed",
            BreakerState::Open { .. } => "open",
            BreakerState::HalfOpen => "half",
        };
        self.states.lock().unwrap().iter().map(word).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_all_retries_kills_nobody_and_order_holds_behind_it() {
    let scene = Scene::new(options()).await;
    scene.dependency.set(|it| &it.down, true);
    scene.publish(50, 4).await;
    scene.pass(Duration::from_secs(600)).await;
    let asked = scene.dependency.asked();
    assert!((50..100).contains(&asked), "most starts are held back: {asked} attempts in ten minutes");
    let health = scene.subscription.health();
    assert!(!health.is_good() && health.breaker != BreakerState::Closed, "{health:?}");
    scene.dependency.set(|it| &it.down, false);
    let stats = scene.until(|stats| stats.handled == 200).await;
    assert_eq!((stats.dead_letters, stats.parked), (0, 0));
    assert!(stats.breaker_openings > 5);
    assert_eq!(scene.states().last(), Some(&"closed"));
    assert!(scene.subscription.health().is_good());
    let handled = scene.dependency.handled.lock().unwrap();
    for aggregate in 0..50 {
        let own: Vec<_> = handled.iter().filter(|e| e.starts_with(&format!("a{aggregate}/"))).collect();
        let wanted: Vec<_> = (0..4).map(|n| format!("a{aggregate}/{n}")).collect();
        assert_eq!(own, wanted.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn half_open_one_event_at_a_time_asks() {
    let scene = Scene::new(options()).await;
    scene.dependency.set(|it| &it.down, true);
    scene.publish(50, 1).await;
    scene.pass(Duration::from_secs(10)).await;
    let before = scene.dependency.asked();
    scene.pass(Duration::from_secs(120)).await;
    let probes = scene.dependency.asked() - before;
    assert!((3..=6).contains(&probes), "{probes} probes in two minutes of waits of up to 30 s");
    let states = scene.states();
    assert!(states.windows(2).all(|pair| pair != ["half", "half"] && pair != ["open", "open"]), "{states:?}");
    // All that had an answer is the share that a probe of three has.
    scene.dependency.set(|it| &it.down, false);
    scene.until(|stats| stats.handled >= 3).await;
    scene.until(|stats| stats.handled == 50).await;
}

#[tokio::test(start_paused = true)]
async fn attempts_count_again_once_the_breaker_is_closed() {
    let mut options = options();
    options.retry = RetryPolicy { max_retries: 1, ..RetryPolicy::default() };
    options.after_dead_letter = Some(laneway_domain::AfterDeadLetter::Skip);
    options.breaker.as_mut().unwrap().share = 1.0;
    let scene = Scene::new(options).await;
    scene.dependency.set(|it| &it.down, true);
    scene.publish(30, 1).await;
    scene.pass(Duration::from_secs(300)).await;
    assert_eq!(scene.subscription.stats().dead_letters, 0);
    scene.dependency.set(|it| &it.down, false);
    scene.until(|stats| stats.handled == 30).await;
    // Fewer than the breaker judges: these two fail twice each, and that is that.
    scene.dependency.set(|it| &it.down, true);
    scene.publish(2, 1).await;
    scene.until(|stats| stats.dead_letters == 2).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_always_fails_does_not_keep_the_breaker_open() {
    let mut options = options();
    options.after_dead_letter = Some(laneway_domain::AfterDeadLetter::Skip);
    let scene = Scene::new(options).await;
    scene.dependency.set(|it| &it.down, true);
    scene.dependency.set(|it| &it.poisoned, true);
    scene.publish(30, 1).await;
    scene.pass(Duration::from_secs(60)).await;
    scene.dependency.set(|it| &it.down, false);
    // What still comes is answered beside it.
    let stats = loop {
        scene.publish(2, 1).await;
        scene.pass(Duration::from_secs(60)).await;
        let stats = scene.subscription.stats();
        if stats.dead_letters > 0 {
            break stats;
        }
    };
    assert!(stats.handled >= 29, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_opens_nothing() {
    let mut options = options();
    options.after_dead_letter = Some(laneway_domain::AfterDeadLetter::Skip);
    let scene = Scene::new(options).await;
    scene.dependency.set(|it| &it.refuses, true);
    scene.publish(100, 1).await;
    let stats = scene.until(|stats| stats.dead_letters == 100).await;
    assert_eq!((stats.breaker_openings, scene.states()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_gets_no_answer_has_failed() {
    let mut options = options();
    options.processing_timeout = Duration::from_secs(5);
    let scene = Scene::new(options).await;
    scene.dependency.set(|it| &it.down, true);
    scene.dependency.set(|it| &it.hangs, true);
    scene.publish(50, 1).await;
    scene.pass(Duration::from_secs(100)).await;
    let states = scene.states();
    assert_eq!(states[..3], ["open", "half", "open"], "{states:?}");
    scene.dependency.set(|it| &it.down, false);
    assert_eq!(scene.until(|stats| stats.handled == 50).await.dead_letters, 0);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_closes_while_its_breaker_is_open() {
    let scene = Scene::new(options()).await;
    scene.dependency.set(|it| &it.down, true);
    scene.publish(50, 1).await;
    scene.until(|stats| stats.breaker_openings == 1).await;
    let before = scene.clock.monotonic();
    scene.subscription.close(Duration::from_secs(30)).await;
    assert!(scene.clock.monotonic().since(before) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_changes_nothing() {
    let mut options = options();
    options.hooks = Hooks::default().on_breaker(|_| panic!("no"));
    let clock = Arc::new(SimClock::new());
    let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
    let bus =
        Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters: None, clock: clock.clone() });
    let begin = clock.monotonic();
    let time = clock.clone();
    let is_up = move |at: Monotonic| at.since(begin) > Duration::from_secs(20);
    let handler = handler_fn(move |_: Event| {
        let up = is_up(time.monotonic());
        async move { if up { Ok(()) } else { Err(HandlerError::retryable("down")) } }
    });
    let subscription = bus.subscribe(options, handler).await.unwrap();
    let events = (0..40)
        .map(|n| Envelope::new(topic(), "x").with_aggregate(AggregateId::new(format!("a{n}")).unwrap()));
    bus.publish_batch(events.collect()).await;
    let stats = subscription.wait_until(|stats| stats.handled == 40).await;
    assert!(stats.breaker_openings > 0);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_cannot_work_is_refused() {
    let clock = Arc::new(SimClock::new());
    let broker = Arc::new(MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap());
    let bus = Bus::new(broker.clone(), Ground { subscriber: broker, dead_letters: None, clock });
    let mut options = options();
    let policy = BreakerPolicy { share: f64::NAN, least: 0, probes: 0, ..BreakerPolicy::default() };
    options.breaker = Some(policy);
    let refused = bus.subscribe(options, handler_fn(|_: Event| async { Ok(()) })).await.unwrap_err();
    let laneway_application::consume::SubscriptionError::Config(config) = &refused else {
        panic!("{refused}")
    };
    let fields: Vec<_> = config.faults().iter().map(Invalid::field).collect();
    assert_eq!(fields, ["breaker.share", "breaker.least", "breaker.probes"]);
}

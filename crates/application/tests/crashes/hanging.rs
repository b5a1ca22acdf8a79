//! Suspects that do not end and cannot be stopped: the rest of the process goes on, and no other suspect runs beside them.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use laneway_application::consume::{OnCrash, Subscription, SubscriptionOptions};
use laneway_application::policy::ProbationPolicy;
use laneway_application::route::Router;
use laneway_application::{Bus, SystemClock};
use laneway_domain::{Cancellation, Clock, Event, Handler, HandlerContext, HandlerError, handler_fn};
use laneway_testkit::SimClock;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::process::{End, World, names, options};

/// A handler whose work goes on when its future is dropped.
struct Unstoppable<H>(H);

impl<H: Handler> Handler for Unstoppable<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        self.0.handle(event, context).await
    }

    fn cancellation(&self) -> Cancellation {
        Cancellation::Finish
    }
}

/// Probation after the first crash, and dead after one alone.
fn suspecting(group: &str) -> SubscriptionOptions {
    let policy = ProbationPolicy { after: 1, lone: 1, ..ProbationPolicy::default() };
    SubscriptionOptions {
        workers: 1,
        processing_timeout: Duration::from_millis(50),
        crashes: OnCrash::Probation(policy),
        ..options(group)
    }
}

/// Two crashes, the second of which found the events of these groups named.
fn suspects(groups: &[&str]) -> World {
    let world = World::new(1);
    world.publish("a", names("a", 1));
    world.publish("b", names("b", 1));
    world.kill_by(&["g a1"]);
    for _ in 0..2 {
        let all = groups.iter().map(|group| suspecting(group)).collect();
        assert_eq!(world.run(all, pending(), |_| false), End::Crashed);
    }
    world
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// One whose time passes as soon as nothing else happens.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let clock = SystemClock::new();
    tokio::select! {
        done = future => done,
        () = clock.wake_at(clock.monotonic() + Duration::from_secs(20)) => panic!("{what}"),
    }
}

/// Ten minutes of a clock whose time passes by itself are more than anything is held up for.
async fn passes(clock: &dyn Clock, future: impl Future<Output = ()>) {
    tokio::select! {
        () = future => {}
        () = clock.wake_at(clock.monotonic() + Duration::from_secs(600)) => panic!("all is held up"),
    }
}

async fn has_handled(subscription: &Subscription, events: u64) {
    within("it handles", subscription.wait_until(|stats| stats.handled == events)).await;
}

/// Waits until the health says what suspects wait for, or no longer does.
async fn says(subscription: &Subscription, hangs: bool) -> Option<String> {
    let mut health = subscription.watch_health();
    let said = within("it says so", health.wait_for(|health| health.suspects.is_some() == hangs)).await;
    said.unwrap().suspects.clone()
}

async fn calm(bus: &Bus, group: &str) -> Subscription {
    bus.subscribe(options(group), handler_fn(|_: Event| async { Ok(()) })).await.unwrap()
}

/// Waits at a door, the first time or always.
fn at_the_door(starts: &Arc<AtomicUsize>, door: &Arc<Notify>) -> impl Handler {
    let (starts, door) = (starts.clone(), door.clone());
    Unstoppable(handler_fn(move |_: Event| {
        let (first, door) = (starts.fetch_add(1, SeqCst) == 0, door.clone());
        async move {
            if first {
                door.notified().await;
            }
            Ok(())
        }
    }))
}

#[test]
fn a_suspect_that_cannot_be_stopped_lets_all_go_on_but_other_suspects() {
    let world = suspects(&["g"]);
    runtime().block_on(async {
        let (bus, starts, door) = (world.bus(), Arc::default(), Arc::default());
        let g = bus.subscribe(suspecting("g"), at_the_door(&starts, &door)).await.unwrap();
        let said = says(&g, true).await.unwrap();
        assert!(said.contains("of orders/0, suspected of a crash"), "{said}");
        has_handled(&calm(&bus, "other").await, 2).await;
        assert_eq!(starts.load(SeqCst), 1, "no suspect runs beside another");
        door.notify_one();
        has_handled(&g, 2).await;
        assert_eq!(says(&g, false).await, None);
        assert!(g.health().is_good());
    });
}

#[test]
fn a_crash_beside_a_suspect_that_hangs_is_not_blamed_on_it() {
    let world = suspects(&["g"]);
    runtime().block_on(async {
        let bus = world.bus();
        let hangs = at_the_door(&Arc::default(), &Arc::default());
        let g = bus.subscribe(suspecting("g"), hangs).await.unwrap();
        let _ = says(&g, true).await;
        has_handled(&calm(&bus, "other").await, 2).await;
    });
    world.kill_by(&[]);
    assert_eq!(
        world.run(vec![suspecting("g")], pending(), |world| world.handled("g").len() == 2),
        End::Closed
    );
    assert_eq!(world.dead("g"), []);
}

#[test]
fn a_suspect_that_blocks_its_thread_lets_all_go_on_but_other_suspects() {
    let world = suspects(&["g"]);
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let (bus, starts) = (world.bus(), Arc::new(AtomicUsize::new(0)));
        let (free, blocked) = mpsc::channel::<()>();
        let (blocked, count) = (Arc::new(Mutex::new(blocked)), starts.clone());
        let handler = handler_fn(move |_: Event| {
            let (first, blocked) = (count.fetch_add(1, SeqCst) == 0, blocked.clone());
            async move {
                if first {
                    let _ = blocked.lock().unwrap().recv();
                }
                Ok(())
            }
        });
        let g = bus.subscribe(suspecting("g"), handler).await.unwrap();
        let _ = says(&g, true).await;
        has_handled(&calm(&bus, "other").await, 2).await;
        assert_eq!(starts.load(SeqCst), 1, "no suspect runs beside another");
        free.send(()).unwrap();
        has_handled(&g, 2).await;
        let _ = says(&g, false).await;
    });
}

#[test]
fn a_suspect_does_not_run_beside_what_has_no_time_and_holds_it_up_for_a_while_only() {
    let world = suspects(&["g"]);
    let (starts, door) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let clock = SimClock::shared();
    paused().block_on(passes(&*clock, async {
        let bus = world.bus_at(clock.clone());
        let endless = Router::new().timeout_by(|_| Some(Duration::MAX));
        let options = SubscriptionOptions { router: endless, ..options("other") };
        let other = bus.subscribe(options, at_the_door(&starts, &door)).await.unwrap();
        other.wait_until(|stats| stats.handled == 1).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = seen.clone();
        let handler = handler_fn(move |event: Event| {
            note.lock().unwrap().push(event.payload().clone());
            async { Ok(()) }
        });
        let g = bus.subscribe(suspecting("g"), handler).await.unwrap();
        let began = clock.monotonic();
        g.watch_health().wait_for(|health| health.suspects.is_some()).await.unwrap();
        let held = clock.monotonic().since(began);
        assert!(held <= Duration::from_secs(302), "{held:?}");
        world.publish_by(&bus, "c", "c1").await;
        other.wait_until(|stats| stats.handled == 2).await;
        g.wait_until(|stats| stats.handled == 1).await;
        assert_eq!(*seen.lock().unwrap(), ["c1"], "no suspect runs beside another, and all else does");
        door.notify_one();
        g.wait_until(|stats| stats.handled == 3).await;
    }));
}

#[test]
fn a_suspect_that_outlives_its_tenure_is_not_joined_by_another() {
    let world = suspects(&["g"]);
    runtime().block_on(async {
        let (bus, starts, door) = (world.bus(), Arc::default(), Arc::default());
        let g = bus.subscribe(suspecting("g"), at_the_door(&starts, &door)).await.unwrap();
        within("it starts", g.wait_until(|_| starts.load(SeqCst) == 1)).await;
        world.spy.broker.expel(&crate::process::group("g"));
        let _ = says(&g, true).await;
        has_handled(&calm(&bus, "other").await, 2).await;
        assert_eq!(starts.load(SeqCst), 1, "no suspect runs beside another");
        door.notify_one();
        has_handled(&g, 2).await;
    });
}

#[test]
fn a_suspect_that_outlives_its_subscription_is_not_joined_by_another() {
    let world = suspects(&["g", "other"]);
    runtime().block_on(async {
        let (bus, starts, door) = (world.bus(), Arc::new(AtomicUsize::new(0)), Arc::default());
        let g = bus.subscribe(suspecting("g"), at_the_door(&starts, &door)).await.unwrap();
        within("it starts", g.wait_until(|_| starts.load(SeqCst) == 1)).await;
        g.close(Duration::from_millis(100)).await;
        let calm = handler_fn(|_: Event| async { Ok(()) });
        let other = bus.subscribe(suspecting("other"), calm).await.unwrap();
        let said = says(&other, true).await.unwrap();
        assert!(said.contains("another subscription"), "{said}");
        assert_eq!(other.stats().handled, 0);
        door.notify_one();
        has_handled(&other, 2).await;
        assert_eq!(says(&other, false).await, None);
    });
}

#[test]
fn a_suspect_that_has_no_time_holds_all_up_for_a_while_only() {
    let world = suspects(&["g"]);
    let clock = SimClock::shared();
    paused().block_on(passes(&*clock, async {
        let (bus, starts, door) = (world.bus_at(clock.clone()), Arc::default(), Arc::default());
        let endless = Router::new().timeout_by(|_| Some(Duration::MAX));
        let options = SubscriptionOptions { router: endless, ..suspecting("g") };
        let g = bus.subscribe(options, at_the_door(&starts, &door)).await.unwrap();
        g.wait_until(|_| starts.load(SeqCst) == 1).await;
        let began = clock.monotonic();
        calm(&bus, "other").await.wait_until(|stats| stats.handled == 2).await;
        let held = clock.monotonic().since(began);
        assert!(held <= Duration::from_secs(302), "{held:?}");
        assert_eq!(starts.load(SeqCst), 1, "no suspect runs beside another");
        door.notify_one();
        g.wait_until(|stats| stats.handled == 2).await;
    }));
}

#[test]
fn a_broker_that_does_not_store_who_is_about_to_start_holds_all_up_for_a_while_only() {
    let world = suspects(&["g"]);
    world.kill_by(&["third a1"]);
    assert_eq!(world.run(vec![suspecting("third")], pending(), |_| false), End::Crashed);
    *world.spy.refused.lock().unwrap() = Some(crate::process::group("third"));
    let clock = SimClock::shared();
    paused().block_on(passes(&*clock, async {
        let bus = world.bus_at(clock.clone());
        let handler = || handler_fn(|_: Event| async { Ok(()) });
        let third = bus.subscribe(suspecting("third"), handler()).await.unwrap();
        third.wait_until(|stats| stats.open == 2).await;
        third.watch_health().wait_for(|health| health.commits.is_some()).await.unwrap();
        let g = bus.subscribe(suspecting("g"), handler()).await.unwrap();
        let began = clock.monotonic();
        g.watch_health().wait_for(|health| health.suspects.is_some()).await.unwrap();
        let held = clock.monotonic().since(began);
        assert!(held <= Duration::from_secs(302), "{held:?}");
        calm(&bus, "other").await.wait_until(|stats| stats.handled == 2).await;
        assert_eq!((g.stats().handled, third.stats().handled), (0, 0));
        *world.spy.refused.lock().unwrap() = None;
        third.wait_until(|stats| stats.handled == 2).await;
        g.wait_until(|stats| stats.handled == 2).await;
    }));
}

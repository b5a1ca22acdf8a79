//! A suspect that has the process alone: everybody holds still for it, so it waits for nobody.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use laneway_application::SystemClock;
use laneway_application::consume::{OnCrash, Subscription, SubscriptionOptions};
use laneway_application::policy::{BreakerPolicy, ProbationPolicy, RateLimit};
use laneway_application::recovery::{PausePolicy, Priority, RecoveryOptions};
use laneway_domain::{Clock, Event, HandlerError, handler_fn};
use tokio::sync::Notify;

use crate::process::{End, World, names, options};

fn suspecting() -> SubscriptionOptions {
    let mut options = options("g");
    options.workers = 1;
    options.crashes = OnCrash::Probation(ProbationPolicy { after: 1, ..ProbationPolicy::default() });
    options
}

/// Two crashes, the second of which found both events named.
fn two_suspects() -> World {
    let world = World::new(1);
    world.publish("a", names("a", 1));
    world.publish("b", names("b", 1));
    world.kill_by(&["g a1", "g b1"]);
    for _ in 0..2 {
        assert_eq!(world.run(vec![suspecting()], pending(), |_| false), End::Crashed);
    }
    world
}

fn live(life: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(life);
}

async fn has_handled(subscription: &Subscription, events: u64) {
    let clock = SystemClock::new();
    let late = clock.wake_at(clock.monotonic() + Duration::from_secs(5));
    tokio::select! {
        _ = subscription.wait_until(|stats| stats.handled == events) => {}
        () = late => panic!("{:?}", subscription.stats()),
    }
}

#[test]
fn a_suspect_that_is_alone_runs_although_its_subscription_is_paused() {
    let world = two_suspects();
    live(async {
        let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let bus = world.bus();
        let recovering =
            SubscriptionOptions { recovery: Some(RecoveryOptions::default()), ..options("other") };
        let other = bus.subscribe(recovering, handler_fn(|_: Event| async { Ok(()) })).await.unwrap();
        has_handled(&other, 2).await;
        let low = SubscriptionOptions { priority: Priority::Low(PausePolicy::default()), ..suspecting() };
        let (says, waits, starts) = (entered.clone(), go.clone(), Arc::new(AtomicUsize::new(0)));
        let handler = handler_fn(move |_: Event| {
            let (says, waits, first) = (says.clone(), waits.clone(), starts.fetch_add(1, SeqCst) == 0);
            async move {
                if first {
                    says.notify_one();
                    waits.notified().await;
                }
                Ok(())
            }
        });
        let low = bus.subscribe(low, handler).await.unwrap();
        entered.notified().await;
        other.recover().await.unwrap();
        low.wait_until(|stats| stats.recovery.paused).await;
        go.notify_one();
        has_handled(&low, 2).await;
        assert!(low.stats().recovery.paused);
    });
}

#[test]
fn a_suspect_that_is_alone_waits_for_no_breaker() {
    let world = two_suspects();
    live(async {
        let bus = world.bus();
        let hour = Duration::from_secs(3_600);
        let breaker =
            BreakerPolicy { least: 1, first_wait: hour, longest_wait: hour, ..BreakerPolicy::default() };
        let broken = SubscriptionOptions { breaker: Some(breaker), ..suspecting() };
        let starts = Arc::new(AtomicUsize::new(0));
        let handler = handler_fn(move |_: Event| {
            let first = starts.fetch_add(1, SeqCst) == 0;
            async move { if first { Err(HandlerError::retryable("down")) } else { Ok(()) } }
        });
        let broken = bus.subscribe(broken, handler).await.unwrap();
        has_handled(&broken, 1).await;
        assert_eq!(broken.stats().breaker_openings, 1);
        let other = bus.subscribe(options("other"), handler_fn(|_: Event| async { Ok(()) })).await.unwrap();
        has_handled(&other, 2).await;
    });
}

#[test]
fn a_killer_that_dies_unstarted_takes_no_token() {
    let world = World::new(1);
    world.publish("a", names("a", 1));
    world.publish("b", names("b", 1));
    world.kill_by(&["g a1"]);
    let one_start = || {
        let mut options = suspecting();
        options.flow.subscription = Some(RateLimit { per_second: 0.001, burst: 1 });
        vec![options]
    };
    let done = |world: &World| world.handled("g") == ["b1"] && world.dead_count() == 1;
    assert_eq!(world.crashes(one_start, done), 5);
}

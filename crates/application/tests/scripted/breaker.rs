//! A probe whose partition goes away.

use std::time::Duration;

use laneway_application::policy::BreakerPolicy;
use laneway_domain::{Event, HandlerError, handler_fn};

use crate::stage::{Stage, name, options};

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_lost_with_its_partition_makes_way_for_another() {
    let stage = Stage::new();
    let mut options = options();
    options.breaker = Some(BreakerPolicy { least: 1, probes: 1, ..BreakerPolicy::default() });
    let (diary, mut calls) = (stage.diary.clone(), 0);
    let calls = std::sync::Arc::new(std::sync::Mutex::new(move || {
        calls += 1;
        calls
    }));
    let handler = handler_fn(move |event: Event| {
        let (diary, nth) = (diary.clone(), (calls.lock().unwrap())());
        async move {
            diary.write(|page| page.started.push(name(&event)));
            match nth {
                1 => Err(HandlerError::retryable("down")),
                2 => std::future::pending().await,
                _ => Ok(()),
            }
        }
    });
    let subscription = stage.subscribe(options, handler).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "first")]);
    let twice = |page: &crate::diary::Page| page.started.len() == 2;
    stage.diary.until("the first one probes", twice).await;
    stage.broker.assign(1);
    stage.broker.deliver(1, &[("b", "second")]);
    stage.clock.wake_at(stage.clock.monotonic() + Duration::from_secs(5)).await;
    assert!(!stage.diary.read(|page| page.has_started("second")), "one lane at a time probes");
    stage.broker.lose(0);
    stage.diary.until("another one probes", |page| page.has_started("second")).await;
    subscription.wait_until(|stats| stats.handled == 1).await;
    assert!(subscription.health().is_good());
}

//! When a recovery begins and ends.

use laneway_application::recovery::RecoveryMode::{Draining, Normal, Recovering};
use laneway_application::recovery::{RecoveryOptions, RecoveryPolicy, SwitchRefused, Transition};
use laneway_domain::Monotonic;

use crate::world::{HYSTERESIS, World, seconds};

#[tokio::test(start_paused = true)]
async fn a_backlog_by_count_begins_a_recovery_and_clean_checks_end_it() {
    let world = World::new();
    world.publish("t", 500).await;
    let handler = world.handler(|_| seconds(1));
    let orders = world.bus.subscribe(world.options(&["t"]), handler).await.unwrap();
    orders.wait_until(|stats| stats.recovery.mode == Recovering).await;
    assert_eq!(orders.stats().recovery.behind, Some(500));
    orders.wait_until(|stats| stats.handled == 500 && stats.recovery.mode == Normal).await;
    world.wait(seconds(60)).await;
    assert_eq!(world.modes(), [Recovering, Draining, Normal]);
    let journal = world.journal.lock().unwrap().clone();
    let end = journal.iter().position(|news| news.switched.is_some_and(|s| s.to == Draining)).unwrap();
    for news in &journal[end - 2..=end] {
        assert!(news.backlog.unwrap().events <= 10, "left before three clean checks: {news:?}");
    }
    assert!(journal.iter().any(|news| news.eta.is_some_and(|eta| eta > seconds(0))), "no time left was told");
    let stats = orders.stats().recovery;
    assert_eq!((stats.behind, stats.eta, stats.concurrency), (Some(0), None, 10));
    world.judge();
}

#[tokio::test(start_paused = true)]
async fn an_old_event_begins_a_recovery_too() {
    let world = World::new();
    world.publish("t", 1).await;
    let handler = world.handler(|_| seconds(80));
    let mut options = world.options(&["t"]);
    options.processing_timeout = seconds(100);
    let orders = world.bus.subscribe(options, handler).await.unwrap();
    orders.wait_until(|stats| stats.recovery.mode == Recovering).await;
    let (at, _) = world.switches()[0];
    assert_eq!(at.since(Monotonic::ZERO).as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_small_backlog_begins_nothing() {
    let world = World::new();
    world.publish("t", 99).await;
    let handler = world.handler(|_| seconds(1));
    let orders = world.bus.subscribe(world.options(&["t"]), handler).await.unwrap();
    orders.wait_until(|stats| stats.handled == 99).await;
    world.wait(seconds(10)).await;
    assert_eq!(world.modes(), []);
}

#[tokio::test(start_paused = true)]
async fn what_other_groups_have_to_do_is_not_this_ones_backlog() {
    let world = World::new();
    world.publish("others", 500).await;
    let handler = world.handler(|_| seconds(1));
    let orders = world.bus.subscribe(world.options(&["t"]), handler).await.unwrap();
    world.wait(seconds(70)).await;
    assert_eq!((world.modes(), orders.stats().recovery.behind), (vec![], Some(0)));
}

#[tokio::test(start_paused = true)]
async fn by_hand_it_begins_and_ends_only_where_that_is_allowed() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    let policy = RecoveryPolicy { transition_threshold: 1_000, ..world.recovery().policy };
    options.recovery = Some(RecoveryOptions { policy, ..world.recovery() });
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(1))).await.unwrap();
    let refused = SwitchRefused::NoSuchEdge { from: Normal, to: Draining };
    assert_eq!(orders.end_recovery().await, Err(refused));
    assert_eq!(orders.recover().await, Ok(Transition { from: Normal, to: Recovering }));
    assert_eq!(orders.stats().recovery.mode, Recovering);
    let refused = SwitchRefused::NoSuchEdge { from: Recovering, to: Recovering };
    assert_eq!(orders.recover().await, Err(refused));
    assert!(matches!(orders.end_recovery().await, Err(SwitchRefused::TooSoon { .. })));
    world.wait(HYSTERESIS).await;
    assert_eq!(orders.end_recovery().await, Ok(Transition { from: Recovering, to: Draining }));
    orders.wait_until(|stats| stats.recovery.mode == Normal).await;
    assert!(matches!(orders.recover().await, Err(SwitchRefused::TooSoon { .. })));
    world.wait(HYSTERESIS).await;
    orders.recover().await.unwrap();
    world.wait(seconds(1)).await;
    world.judge();
}

#[tokio::test(start_paused = true)]
async fn by_choice_it_begins_at_the_start_and_stays_for_a_while() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    let policy = RecoveryPolicy { at_start: true, ..world.recovery().policy };
    options.recovery = Some(RecoveryOptions { policy, ..world.recovery() });
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(1))).await.unwrap();
    assert_eq!((orders.stats().recovery.mode, orders.stats().recovery.concurrency), (Recovering, 16));
    orders.wait_until(|stats| stats.recovery.mode == Normal).await;
    let (at, mode) = world.switches()[0];
    assert_eq!((at.since(Monotonic::ZERO).as_secs(), mode), (HYSTERESIS.as_secs(), Draining));
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_what_was_read_while_recovering() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    options.processing_timeout = seconds(100);
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(8))).await.unwrap();
    orders.recover().await.unwrap();
    world.wait(seconds(9)).await;
    world.publish("t", 1).await;
    orders.wait_until(|stats| stats.open == 1).await;
    world.wait(seconds(1)).await;
    orders.end_recovery().await.unwrap();
    world.wait(seconds(5)).await;
    assert_eq!(orders.stats().recovery.mode, Draining);
    orders.wait_until(|stats| stats.recovery.mode == Normal).await;
    assert_eq!(orders.stats().handled, 1);
    assert_eq!(world.clock.monotonic().since(Monotonic::ZERO).as_secs(), 17);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_nothing_longer_than_a_mode_stays() {
    let world = World::new();
    let mut options = world.options(&["t"]);
    options.processing_timeout = seconds(100);
    let orders = world.bus.subscribe(options, world.handler(|_| seconds(90))).await.unwrap();
    orders.recover().await.unwrap();
    world.publish("t", 1).await;
    world.wait(HYSTERESIS).await;
    orders.end_recovery().await.unwrap();
    orders.wait_until(|stats| stats.recovery.mode == Normal).await;
    assert_eq!((orders.stats().handled, world.clock.monotonic().since(Monotonic::ZERO)), (0, HYSTERESIS * 2));
}

#[tokio::test(start_paused = true)]
async fn a_backlog_that_returns_soon_waits_until_the_mode_may_change() {
    let world = World::new();
    let orders = world.bus.subscribe(world.options(&["t"]), world.handler(|_| seconds(1))).await.unwrap();
    orders.recover().await.unwrap();
    orders.wait_until(|stats| stats.recovery.mode == Normal).await;
    world.publish("t", 5_000).await;
    orders.wait_until(|stats| stats.recovery.mode == Recovering).await;
    let switches = world.switches();
    let (back, again) = (switches[2], switches[3]);
    assert_eq!((back.1, again.1), (Normal, Recovering));
    assert!(again.0.since(back.0) >= HYSTERESIS, "{switches:?}");
    world.judge();
}

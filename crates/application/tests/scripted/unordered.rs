//! What waits in the dead-letter store, where order is kept never, or only while recovering.

use std::time::Duration;

use laneway_application::consume::{Subscription, SubscriptionOptions, SubscriptionStats};
use laneway_application::policy::RetryPolicy;
use laneway_application::recovery::RecoveryMode::Normal;
use laneway_application::recovery::{RecoveryOptions, RecoveryPolicy};
use laneway_application::route::OrderingMode;
use laneway_domain::{Event, Handler, HandlerError, RevocationId, SessionEvent, handler_fn};

use crate::parked::{answered, parked, pass, redrive, started};
use crate::stage::{Stage, name, options};

const HYSTERESIS: Duration = Duration::from_millis(50);

fn in_mode(ordering: OrderingMode) -> SubscriptionOptions {
    SubscriptionOptions { ordering, ..options() }
}

/// In order only while recovering, which begins and ends by hand.
fn by_hand() -> SubscriptionOptions {
    let policy = RecoveryPolicy { hysteresis: HYSTERESIS, ..RecoveryPolicy::default() };
    let recovery = Some(RecoveryOptions { policy, ..RecoveryOptions::default() });
    SubscriptionOptions { recovery, ..in_mode(OrderingMode::OrderedWhileRecovering) }
}

async fn recover(stage: &Stage, subscription: &Subscription) {
    pass(stage, 60).await;
    subscription.recover().await.unwrap();
}

async fn end_recovery(stage: &Stage, subscription: &Subscription) {
    pass(stage, 60).await;
    subscription.end_recovery().await.unwrap();
    subscription.wait_until(|stats| stats.recovery.mode == Normal).await;
}

fn is_quiet(stats: &SubscriptionStats) -> bool {
    stats.open == 0
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_store_is_not_handled_beside_it_whatever_is_in_order() {
    for ordering in [OrderingMode::Unordered, OrderingMode::OrderedWhileRecovering] {
        let stage = Stage::new();
        parked(&stage, 0, &[(0, "a0"), (1, "a1")]).await;
        let subscription = stage.subscribe(in_mode(ordering), stage.handler()).await;
        stage.broker.assign(0);
        stage.broker.deliver(0, &[("a", "a0"), ("a", "a1"), ("b", "b2")]);
        stage.diary.until("the other runs", |page| page.has_started("b2")).await;
        subscription.wait_until(is_quiet).await;
        assert_eq!(started(&stage), ["b2"], "{ordering:?}");
        redrive(&stage).await;
        answered(&stage, 1).await;
        assert_eq!(started(&stage), ["b2", "a0", "a1"], "{ordering:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_parked_while_recovering_has_its_followers_behind_it_in_normal_times() {
    let stage = Stage::new();
    let subscription = stage.subscribe(by_hand(), stage.handler()).await;
    stage.broker.assign(0);
    recover(&stage, &subscription).await;
    stage.broker.deliver(0, &[("a", "holds, then dies"), ("a", "a1")]);
    stage.diary.free("holds, then dies");
    subscription.wait_until(|stats| stats.parked == 1).await;
    end_recovery(&stage, &subscription).await;
    stage.broker.deliver(0, &[("a", "a2"), ("b", "b3")]);
    subscription.wait_until(|stats| stats.parked == 2 && stats.open == 0).await;
    redrive(&stage).await;
    answered(&stage, 1).await;
    assert_eq!(started(&stage), ["holds, then dies", "b3", "holds, then dies"]);
}

/// Its events are taken for settled up to there by whoever finds it parked.
#[tokio::test(start_paused = true)]
async fn an_aggregate_is_not_parked_while_an_earlier_event_of_it_runs_apart() {
    let stage = Stage::new();
    let subscription = stage.subscribe(by_hand(), stage.handler()).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "holds")]);
    stage.diary.until("it runs apart", |page| page.has_started("holds")).await;
    recover(&stage, &subscription).await;
    stage.broker.deliver(0, &[("a", "dies")]);
    let stats = subscription.wait_until(|stats| stats.dead_letters == 1).await;
    assert_eq!((stats.lanes.parked, stats.open), (0, 1));
    let next = Stage { letters: stage.letters.clone(), ..Stage::new() };
    next.subscribe(by_hand(), next.handler()).await;
    next.broker.assign(0);
    next.broker.deliver(0, &[("a", "holds")]);
    next.diary.until("the next owner handles it", |page| page.has_started("holds")).await;
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_is_parked_again_once_nothing_of_it_runs_apart() {
    let stage = Stage::new();
    let subscription = stage.subscribe(by_hand(), stage.handler()).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "a0"), ("b", "holds")]);
    stage.diary.until("b runs apart", |page| page.has_started("holds")).await;
    recover(&stage, &subscription).await;
    stage.broker.deliver(0, &[("a", "dies"), ("a", "a3")]);
    assert_eq!(subscription.wait_until(|stats| stats.parked == 1).await.lanes.parked, 1);
}

/// The first attempt fails and waits long.
fn fails_first(stage: &Stage) -> impl Handler + use<> {
    let diary = stage.diary.clone();
    handler_fn(move |event: Event| {
        let diary = diary.clone();
        async move {
            let name = name(&event);
            diary.write(|page| page.started.push(name.clone()));
            if name == "waits" {
                return Err(HandlerError::retryable("later"));
            }
            diary.freed(&name).await;
            Err(HandlerError::fatal("no"))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_is_not_parked_for_the_next_owner_ahead_of_what_that_has_to_handle() {
    let stage = Stage::new();
    let wait = Duration::from_secs(9);
    let retry = RetryPolicy { initial_interval: wait, max_interval: wait, ..RetryPolicy::default() };
    let subscription = stage.subscribe(SubscriptionOptions { retry, ..by_hand() }, fails_first(&stage)).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "waits")]);
    stage.diary.until("it has failed", |page| page.has_started("waits")).await;
    recover(&stage, &subscription).await;
    stage.broker.deliver(0, &[("a", "holds")]);
    stage.diary.until("it runs", |page| page.has_started("holds")).await;
    let (partitions, until) = (stage.broker.current(0), stage.clock.monotonic() + wait);
    stage.broker.say(SessionEvent::Revoking { revocation: RevocationId(7), partitions, until });
    pass(&stage, 100).await;
    stage.diary.free("holds");
    stage.diary.until("it is given back", |page| page.released.is_some()).await;
    assert_eq!(stage.buried().await, 1);
    let next = Stage { letters: stage.letters.clone(), ..Stage::new() };
    next.subscribe(by_hand(), next.handler()).await;
    next.broker.assign(0);
    next.broker.deliver(0, &[("a", "waits")]);
    next.diary.until("the next owner handles it", |page| page.has_started("waits")).await;
}

//! Rates are kept, and nobody waits for another's tokens.

use std::time::Duration;

use laneway_application::consume::{SubscriptionError, SubscriptionOptions};
use laneway_application::policy::FlowLimits;
use laneway_application::route::OrderingMode;
use laneway_domain::{Clock, Envelope, Invalid, TenantId};

use crate::world::{CLOSE, World, event, events, limit, of_subscription, of_tenant, topic};

const NO_TIME: Duration = Duration::ZERO;

/// Three at once, then one every hundred milliseconds.
fn burst_and_rate(count: usize) -> Vec<u128> {
    (0..count as u128).map(|n| n.saturating_sub(2) * 100).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_ten_a_second_with_a_burst_of_three_is_kept_to_the_token_over_four_workers() {
    let world = World::new();
    let orders = world.subscribe(NO_TIME, |options| options.flow = of_subscription(10.0, 3)).await;
    world.publish(events("a", 20, 2)).await;
    orders.wait_until(|stats| stats.handled == 40).await;
    assert_eq!(world.times(), burst_and_rate(40));
    world.pass(Duration::from_secs(9)).await;
    let from = world.starts().len();
    world.publish(events("a", 5, 1)).await;
    orders.wait_until(|stats| stats.handled == 45).await;
    let times = &world.times()[from..];
    let since: Vec<_> = times.iter().map(|time| time - times[0]).collect();
    assert_eq!(since, burst_and_rate(5), "a pause brings a burst back and no more");
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn every_tenant_has_the_rate_of_tenants_whichever_workers_its_lanes_are_on() {
    let world = World::new();
    let flow = FlowLimits { tenant: Some(limit(10.0, 3)), ..FlowLimits::default() };
    let orders = world.subscribe(NO_TIME, |options| options.flow = flow).await;
    for tenant in ["a", "b"] {
        world.publish(events(tenant, 20, 1)).await;
    }
    let loose =
        (0..20).map(|n| Envelope::new(topic(), format!("c/{n}")).with_tenant(TenantId::new("c").unwrap()));
    world.publish(loose.collect()).await;
    orders.wait_until(|stats| stats.handled == 60).await;
    for tenant in ["a", "b", "c"] {
        let times: Vec<_> = world.starts_of(tenant).into_iter().map(|(_, at)| at).collect();
        assert_eq!(times, burst_and_rate(20), "{tenant}");
    }
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn no_worker_gets_the_tokens_of_another() {
    let world = World::new();
    let orders = world.subscribe(NO_TIME, |options| options.flow = of_subscription(10.0, 1)).await;
    world.publish(events("a", 16, 10)).await;
    orders.wait_until(|stats| stats.handled >= 64).await;
    let starts = world.starts();
    let of = |n: usize| starts.iter().filter(|(said, _)| said.starts_with(&format!("a/a{n}/"))).count();
    let counts: Vec<_> = (0..16).map(of).collect();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn lanes_out_of_tokens_let_others_go_and_are_counted() {
    let world = World::new();
    let flow = of_tenant("slow", 1.0, 1);
    let orders = world.subscribe(NO_TIME, |options| options.flow = flow).await;
    world.publish(events("slow", 5, 1)).await;
    world.publish(events("quick", 50, 2)).await;
    let stats = orders.wait_until(|stats| stats.handled == 101).await;
    assert_eq!((stats.lanes.idle, stats.lanes.throttled), (4, 4), "{stats:?}");
    assert!(world.starts_of("quick").iter().all(|(_, at)| *at == 0), "nobody waited for the slow one");
    let stats = orders.wait_until(|stats| stats.handled == 105).await;
    let times: Vec<_> = world.starts_of("slow").into_iter().map(|(_, at)| at).collect();
    assert_eq!((times, stats.lanes.throttled), (vec![0, 1_000, 2_000, 3_000, 4_000], 0));
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn order_within_aggregates_holds_with_every_limit_on() {
    let world = World::new();
    let tenants = [(TenantId::new("b").unwrap(), limit(7.0, 2))].into();
    let (subscription, tenant) = (Some(limit(40.0, 5)), Some(limit(30.0, 1)));
    let flow = FlowLimits { subscription, tenant, tenants };
    let orders = world.subscribe(Duration::from_millis(3), |options| options.flow = flow).await;
    world
        .publish(events("a", 7, 6).into_iter().zip(events("b", 7, 6)).flat_map(|(a, b)| [a, b]).collect())
        .await;
    orders.wait_until(|stats| stats.handled == 84).await;
    for (tenant, aggregate) in ["a", "b"].iter().flat_map(|tenant| (0..7).map(move |n| (tenant, n))) {
        let own = world.starts_of(&format!("{tenant}/a{aggregate}/"));
        let order: Vec<_> =
            own.into_iter().map(|(said, _)| said.rsplit('/').next().unwrap().to_owned()).collect();
        assert_eq!(order, ["0", "1", "2", "3", "4", "5"]);
    }
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_close_while_out_of_tokens_drains_at_once() {
    let world = World::new();
    let orders = world.subscribe(NO_TIME, |options| options.flow = of_subscription(0.001, 1)).await;
    world.publish(events("a", 5, 5)).await;
    orders.wait_until(|stats| stats.handled == 1 && stats.lanes.throttled == 5).await;
    let before = world.clock.monotonic();
    world.bus.close(CLOSE).await;
    assert!(world.clock.monotonic().since(before) < Duration::from_millis(100));
    assert_eq!(world.starts().len(), 1);
}

async fn refused(change: impl FnOnce(&mut SubscriptionOptions)) -> Vec<String> {
    match World::new().try_subscribe(NO_TIME, change).await {
        Err(SubscriptionError::Config(error)) => {
            error.faults().iter().map(|f: &Invalid| f.field().to_owned()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn limits_that_make_no_sense_are_refused_when_subscribing() {
    for per_second in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let flow = FlowLimits { tenant: Some(limit(per_second, 1)), ..of_subscription(per_second, 0) };
        let fields = refused(|options| options.flow = flow).await;
        assert_eq!(
            fields,
            ["flow.subscription.per_second", "flow.subscription.burst", "flow.tenant.per_second"]
        );
    }
    let by_partition = |options: &mut SubscriptionOptions| {
        (options.flow, options.ordering) = (of_tenant("a", 1.0, 1), OrderingMode::PerPartition);
    };
    assert_eq!(refused(by_partition).await, ["flow.tenant"]);
    let world = World::new();
    let orders = world.subscribe(NO_TIME, |options| options.flow = of_subscription(1.0, 1)).await;
    world.publish(vec![event("a", "a", 0)]).await;
    orders.wait_until(|stats| stats.handled == 1).await;
    world.bus.close(CLOSE).await;
}

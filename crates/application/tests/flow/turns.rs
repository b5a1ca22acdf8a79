//! Tenants take turns.

use std::time::Duration;

use crate::world::{CLOSE, World, event, events};

const NO_TIME: Duration = Duration::ZERO;
const HANDLING: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn the_flood_of_a_tenant_does_not_delay_another() {
    let world = World::new();
    let change = |options: &mut laneway_application::consume::SubscriptionOptions| {
        (options.workers, options.max_in_flight) = (1, 1);
    };
    let orders = world.subscribe(HANDLING, change).await;
    world.publish(events("flood", 100, 5)).await;
    orders.wait_until(|stats| stats.handled >= 3).await;
    let before = world.starts().len();
    world.publish(vec![event("small", "a0", 0)]).await;
    orders.wait_until(|stats| stats.handled == 501).await;
    let waited = world.starts()[before..].iter().position(|(said, _)| said == "small/a0/0").unwrap();
    assert!(waited <= 2, "{waited} events of the flood went first");
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn two_tenants_with_one_aggregate_id_are_two_lanes_each_in_order() {
    let world = World::new();
    let orders = world.subscribe(HANDLING, |_| ()).await;
    let both = |number| [event("acme", "order", number), event("globex", "order", number)];
    world.publish((0..5).flat_map(both).collect()).await;
    orders.wait_until(|stats| stats.handled == 10).await;
    for tenant in ["acme", "globex"] {
        let own: Vec<_> = world.starts_of(tenant);
        let expected: Vec<_> =
            (0..5u32).map(|n| (format!("{tenant}/order/{n}"), u128::from(n) * 10)).collect();
        assert_eq!(own, expected, "one after the other, and beside the other tenant");
    }
    world.bus.close(CLOSE).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_tenants_and_events_without_one_take_turns() {
    let world = World::new();
    let change = |options: &mut laneway_application::consume::SubscriptionOptions| {
        (options.workers, options.max_in_flight) = (1, 1);
    };
    let orders = world.subscribe(HANDLING, change).await;
    let all = (0..100).flat_map(|tenant| events(&format!("t{tenant}"), 5, 1));
    let loose = (0..5).map(|n| laneway_domain::Envelope::new(crate::world::topic(), format!("none/{n}")));
    world.publish(all.chain(loose).collect()).await;
    orders.wait_until(|stats| stats.handled == 505).await;
    let starts = world.starts();
    let of = |said: &str| said.split('/').next().map(str::to_owned);
    for round in starts[1..].chunks_exact(101).skip(1).take(3) {
        let tenants: std::collections::HashSet<_> = round.iter().map(|(said, _)| of(said)).collect();
        assert_eq!(tenants.len(), 101, "in a round everyone goes once");
    }
    world.bus.close(NO_TIME).await;
}

//! Tenants: each has its own lanes, and its own rate.

use laneway_application::policy::RateLimit;
use laneway_domain::{Envelope, TenantId, TopicName};

use super::super::adapter::Needs;
use super::super::journal::What;
use super::super::lab::Lab;
use super::super::said::{event, sure};

/// Of each tenant, and of none, in turns: events 1 to `last` of one and the same aggregate's id.
fn in_turns(topic: &TopicName, last: u64) -> Vec<Envelope> {
    let turn = |number| {
        let of = |name| event(topic, "order", number).with_tenant(tenant(name));
        [of("acme"), of("globex"), event(topic, "order", number)]
    };
    (1..=last).flat_map(turn).collect()
}

fn tenant(name: &str) -> TenantId {
    sure("a tenant", TenantId::new(name))
}

pub(crate) async fn tenants_with_one_aggregate_id_keep_their_own_order_and_identity(lab: Lab) {
    const LAST: u64 = 50;
    let world = lab.world(Needs::default()).await;
    let (bus, journal) = (world.bus(), world.journal());
    world.subscribe(&bus, world.options("workers"), journal.plain()).await;
    for batch in in_turns(&world.topic(), LAST).chunks(20) {
        world.publish(&bus, batch.to_vec()).await;
    }
    world.until_done(&journal, 3 * 50).await;
    world.close(&bus).await;
    journal.must_be_in_order();
    journal.must_hold_all(&["acme/order", "globex/order", "order"].map(str::to_owned), LAST);
    journal.must_hold_nothing_twice();
}

pub(crate) async fn a_tenant_out_of_tokens_waits_alone(lab: Lab) {
    let world = lab.world(Needs::default()).await;
    world.record().may_leave_events();
    let (bus, journal) = (world.bus(), world.journal());
    let mut options = world.options("workers");
    options.flow.tenants.insert(tenant("acme"), RateLimit { per_second: 0.001, burst: 1 });
    let subscription = world.subscribe(&bus, options, journal.plain()).await;
    world.publish(&bus, in_turns(&world.topic(), 10)).await;
    world.until_done(&journal, 1 + 2 * 10).await;
    world.until("its lane is said to be out of tokens", || subscription.stats().lanes.throttled == 1).await;
    assert_eq!(journal.of("acme/order"), [(What::Started, 1), (What::Done, 1)]);
    world.close(&bus).await;
    journal.must_be_in_order();
}

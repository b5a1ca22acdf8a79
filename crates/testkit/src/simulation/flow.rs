//! How often handlers of a group may start.

use laneway_application::policy::{FlowLimits, RateLimit};
use laneway_domain::invariant::{Happening, MemberId};
use laneway_domain::{GroupId, TenantId};

use super::chance::Chance;
use super::traffic;

/// Draws limits: none for half of the groups, and never so little that a run would seem to stand still.
pub(super) fn draw(chance: &mut Chance) -> FlowLimits {
    if chance.percent(50) {
        return FlowLimits::default();
    }
    let mut flow = FlowLimits {
        subscription: chance.percent(40).then(|| rate(chance)),
        tenant: chance.percent(40).then(|| rate(chance)),
        ..FlowLimits::default()
    };
    if chance.percent(50)
        && let Ok(tenant) = TenantId::new("t1")
    {
        flow.tenants.insert(tenant, rate(chance));
    }
    flow
}

fn rate(chance: &mut Chance) -> RateLimit {
    let per_second = u32::try_from(chance.between(10..=300)).unwrap_or(10);
    let burst = u32::try_from(chance.between(1..=8)).unwrap_or(1);
    RateLimit { per_second: f64::from(per_second), burst }
}

/// What a member that subscribes with these limits has to keep.
pub(super) fn limited(flow: &FlowLimits, member: MemberId, group: &GroupId) -> Vec<Happening> {
    let tenants = traffic::tenants().map(|tenant| {
        let limit = flow.tenants.get(&tenant).copied().or(flow.tenant);
        (Some(tenant), limit)
    });
    let limits = tenants.chain([(None, flow.subscription)]);
    let said = |(tenant, limit): (Option<TenantId>, Option<RateLimit>)| {
        let RateLimit { burst, .. } = limit?;
        let (group, every) = (group.clone(), limit?.interval());
        Some(Happening::RateLimited { member, group, tenant, every, burst })
    };
    limits.filter_map(said).collect()
}

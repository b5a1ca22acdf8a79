//! The rates of a subscription and of its tenants, shared by its workers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use laneway_domain::{Invalid, Monotonic, TenantId};

use super::rate::{RateCell, RateLimit};

/// Rate and burst per subscription and per tenant, as they hold for one subscription of one bus. Default: no limits.
///
/// Every start of a handler takes a token: first attempts, retries and what comes back from the dead-letter store alike, because the
/// limit protects what handlers call. What needs no handler takes none. A tenant without a token leaves the others their turns.
///
/// ```
/// use laneway_application::policy::{FlowLimits, RateLimit};
/// use laneway_domain::TenantId;
///
/// let mut flow = FlowLimits::default();
/// flow.subscription = Some(RateLimit { per_second: 500.0, burst: 50 });
/// flow.tenant = Some(RateLimit { per_second: 20.0, burst: 5 });
/// flow.tenants.insert(TenantId::new("acme")?, RateLimit { per_second: 200.0, burst: 20 });
/// assert!(flow.faults().is_empty());
/// # Ok::<(), laneway_domain::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlowLimits {
    /// Of all events of the subscription together.
    pub subscription: Option<RateLimit>,
    /// Of each tenant that is not named in `tenants`. Events without a tenant have no such limit.
    pub tenant: Option<RateLimit>,
    /// Of these tenants.
    pub tenants: BTreeMap<TenantId, RateLimit>,
}

impl FlowLimits {
    /// Every rule that the limits break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let own = self.subscription.iter().flat_map(|limit| limit.faults("flow.subscription"));
        let each = self.tenant.iter().flat_map(|limit| limit.faults("flow.tenant"));
        let named =
            self.tenants.iter().flat_map(|(name, limit)| limit.faults(&format!("flow.tenants.{name}")));
        let many = Some(self.tenants.len()).filter(|tenants| *tenants > Quotas::CELLS).map(|tenants| {
            Invalid::new("flow.tenants", format!("names at most {} tenants", Quotas::CELLS), tenants)
        });
        own.chain(each).chain(named).chain(many).collect()
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscription.is_none() && !self.by_tenant()
    }

    /// Whether tenants are limited.
    #[must_use]
    pub fn by_tenant(&self) -> bool {
        self.tenant.is_some() || !self.tenants.is_empty()
    }

    fn named(&self, tenant: &str) -> Option<RateLimit> {
        self.tenants.get(&TenantId::new(tenant).ok()?).copied()
    }
}

/// The cells behind the limits. Starting an event touches only cells; the lock is taken where a worker meets a tenant
/// that it has no lanes of.
///
/// Memory is bounded in the number of tenants ever seen: a cell that nobody holds and that has its whole burst again is as good
/// as a new one and is forgotten. Where more than [`Quotas::CELLS`] are needed at once, further tenants share one cell: they may
/// wait for each other, and nobody gets more than their rate.
#[derive(Debug)]
pub struct Quotas {
    limits: FlowLimits,
    subscription: Option<Arc<RateCell>>,
    tenants: Mutex<Tenants>,
    cells: usize,
}

#[derive(Debug, Default)]
struct Tenants {
    cells: HashMap<Box<str>, Arc<RateCell>, foldhash::fast::RandomState>,
    /// How many cells there may be before the next sweep; doubles what the last one left, so a sweep costs a cell O(1).
    sweep_at: usize,
    /// A full table is swept once a second at most.
    not_before: Monotonic,
    /// What the tenants beyond the table share.
    others: Option<Arc<RateCell>>,
}

impl Default for Quotas {
    /// No limits.
    fn default() -> Self {
        Self::new(FlowLimits::default())
    }
}

impl Quotas {
    /// Cells that are kept at most: 8 MiB or so.
    pub const CELLS: usize = 65_536;

    /// Cells for these limits.
    #[must_use]
    pub fn new(limits: FlowLimits) -> Self {
        let subscription = limits.subscription.map(|limit| Arc::new(RateCell::new(limit)));
        Self { limits, subscription, tenants: Mutex::default(), cells: Self::CELLS }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// The cell of the subscription, where it has a limit.
    #[must_use]
    pub fn subscription(&self) -> Option<&Arc<RateCell>> {
        self.subscription.as_ref()
    }

    /// The cell of a tenant, where it has a limit. Hold it while there are lanes of the tenant.
    #[must_use]
    pub fn tenant(&self, tenant: &str, now: Monotonic) -> Option<Arc<RateCell>> {
        let named = self.limits.named(tenant);
        let limit = named.or(self.limits.tenant)?;
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = tenants.cells.get(tenant) {
            return Some(cell.clone());
        }
        tenants.sweep(self.cells, now);
        let new = || Arc::new(RateCell::new(limit));
        if tenants.cells.len() >= self.cells && named.is_none() {
            return Some(tenants.others.get_or_insert_with(new).clone());
        }
        Some(tenants.cells.entry(tenant.into()).or_insert_with(new).clone())
    }
}

impl Tenants {
    fn sweep(&mut self, most: usize, now: Monotonic) {
        let full = self.cells.len() >= most;
        if self.cells.len() < self.sweep_at.min(most) || (full && now < self.not_before) {
            return;
        }
        self.not_before = now + Duration::from_secs(1);
        self.cells.retain(|_, cell| Arc::strong_count(cell) > 1 || !cell.is_rested(now));
        self.sweep_at = (self.cells.len() * 2).max(64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> FlowLimits {
        let limit = |per_second| RateLimit { per_second, burst: 1 };
        let tenants = [(TenantId::new("big").unwrap(), limit(1_000.0))].into();
        FlowLimits { subscription: None, tenant: Some(limit(1.0)), tenants }
    }

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_tenant_has_one_cell_and_named_ones_their_own_rate() {
        let quotas = Quotas::new(limits());
        let (a, again) = (quotas.tenant("a", at(0)).unwrap(), quotas.tenant("a", at(0)).unwrap());
        assert!(a.take(0, at(0)).is_ok() && again.take(0, at(0)).is_err());
        let big = quotas.tenant("big", at(0)).unwrap();
        big.take(0, at(0)).unwrap();
        assert_eq!(big.ready_at(), Monotonic::from_nanos(1_000_000));
        assert!(Quotas::new(FlowLimits::default()).tenant("a", at(0)).is_none());
    }

    #[test]
    fn cells_of_tenants_that_rest_are_forgotten_and_those_that_do_not_are_kept() {
        let quotas = Quotas::new(limits());
        for tenant in 0..10_000 {
            let now = at(tenant);
            quotas.tenant(&format!("t{tenant}"), now).unwrap().take(0, now).unwrap();
        }
        assert!(quotas.tenants.lock().unwrap().cells.len() <= 64);
        let now = at(20_000);
        for tenant in 0..500 {
            quotas.tenant(&format!("t{tenant}"), now).unwrap().take(0, now).unwrap();
        }
        assert!(quotas.tenant("t0", now).unwrap().take(0, now).is_err(), "forgotten too early");
    }

    #[test]
    fn beyond_the_table_tenants_share_a_cell_and_none_gets_more_than_its_rate() {
        let quotas = Quotas { cells: 2, ..Quotas::new(limits()) };
        let taken =
            (0..100).filter(|n| quotas.tenant(&format!("t{n}"), at(0)).unwrap().take(0, at(0)).is_ok());
        assert_eq!(taken.count(), 3);
        assert!(quotas.tenant("late", at(5)).unwrap().take(0, at(5)).is_ok(), "the table has room again");
    }

    #[test]
    fn faults_name_the_tenant() {
        let mut limits = limits();
        limits.tenants.insert(TenantId::new("acme").unwrap(), RateLimit { per_second: 0.0, burst: 1 });
        assert_eq!(limits.faults()[0].field(), "flow.tenants.acme.per_second");
        assert!(FlowLimits::default().is_empty() && !limits.is_empty());
    }

    #[test]
    fn limits_that_make_no_sense_are_refused_each_with_its_field() {
        let bad = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-4, 1e7];
        for per_second in bad {
            let limits =
                FlowLimits { tenant: Some(RateLimit { per_second, burst: 1 }), ..FlowLimits::default() };
            assert_eq!(limits.faults()[0].field(), "flow.tenant.per_second", "{per_second}");
        }
        for burst in [0, 1_000_001] {
            let limit = Some(RateLimit { per_second: 1.0, burst });
            let limits = FlowLimits { subscription: limit, ..FlowLimits::default() };
            assert_eq!(limits.faults()[0].field(), "flow.subscription.burst");
        }
        let limit = RateLimit { per_second: 1.0, burst: 1 };
        let many = (0..=Quotas::CELLS).map(|n| (TenantId::new(format!("t{n}")).unwrap(), limit));
        let limits = FlowLimits { tenants: many.collect(), ..FlowLimits::default() };
        assert_eq!(limits.faults()[0].field(), "flow.tenants");
    }
}

//! The tenants that have lanes now, by name.

use std::hash::BuildHasher;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashTable;
use laneway_domain::Monotonic;

use super::chain::{Chain, Links, NONE};
use super::rate::RateCell;

/// Names a tenant while it has lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantSlot(pub(super) u32);

/// A tenant that has lanes.
#[derive(Debug)]
pub(super) struct Tenant {
    name: Option<CompactString>,
    pub(super) cell: Option<Arc<RateCell>>,
    /// Lanes that exist, ready or not.
    pub(super) lanes: usize,
    pub(super) ready: Chain,
    /// The tenant behind this one in the ring.
    next: u32,
    pub(super) turn: Turn,
}

/// When a tenant's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has no ready lane.
    Idle,
    /// It stands in the ring.
    Waits,
    /// It has no token before this time.
    Out(Monotonic),
}

/// Memory: one entry a tenant that has lanes now, none for those seen before.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    all: Vec<Tenant>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl Tenants {
    /// The slot of a tenant; one that has none gets one, with this cell.
    pub(super) fn slot(
        &mut self,
        name: Option<&str>,
        cell: impl FnOnce(&str) -> Option<Arc<RateCell>>,
    ) -> u32 {
        let (hash, all) = (self.hasher.hash_one(name), &self.all);
        let known = self.index.find(hash, |at| all[*at as usize].name.as_deref() == name).copied();
        known.unwrap_or_else(|| self.add(name, hash, name.and_then(cell)))
    }

    fn add(&mut self, name: Option<&str>, hash: u64, cell: Option<Arc<RateCell>>) -> u32 {
        let (name, ready, turn) = (name.map(CompactString::new), Chain::EMPTY, Turn::Idle);
        let tenant = Tenant { name, cell, lanes: 0, ready, next: NONE, turn };
        let at = match self.free.pop() {
            Some(at) => {
                self.all[at as usize] = tenant;
                at
            }
            None => {
                self.all.push(tenant);
                u32::try_from(self.all.len() - 1).unwrap_or(NONE)
            }
        };
        let (all, hasher) = (&self.all, &self.hasher);
        self.index.insert_unique(hash, at, |at| hasher.hash_one(all[*at as usize].name.as_deref()));
        at
    }

    /// Forgets a tenant that has no lanes any more; its cell.
    pub(super) fn forget(&mut self, at: u32) -> Option<Arc<RateCell>> {
        let tenant = self.of(at);
        debug_assert!(tenant.turn != Turn::Waits, "a tenant without lanes has none that is ready");
        tenant.turn = Turn::Idle;
        let (name, cell) = (tenant.name.take(), tenant.cell.take());
        let hash = self.hasher.hash_one(name.as_deref());
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == at) {
            entry.remove();
            self.free.push(at);
        }
        cell
    }

    pub(super) fn of(&mut self, at: u32) -> &mut Tenant {
        &mut self.all[at as usize]
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tenant> {
        self.all.iter_mut()
    }

    /// How many tenants have a name, and how many slots there are.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.index.len(), self.all.len())
    }
}

impl Links for Tenants {
    fn next(&self, tenant: u32) -> Option<u32> {
        self.all.get(tenant as usize).map(|tenant| tenant.next)
    }

    fn next_mut(&mut self, tenant: u32) -> Option<&mut u32> {
        self.all.get_mut(tenant as usize).map(|tenant| &mut tenant.next)
    }
}

//! Which ready lane starts next: round robin by tenant, each within its rate.
//!
//! Tenants take turns, one event each, whatever the length of their queues: one round of Nagle's fair queueing (RFC 970, 1985)
//! with events for packets. A tenant out of tokens leaves the ring with all its lanes until its time, so nobody waits for it,
//! and the time of the next start is known.
//!
//! **In front of the ring of ready lanes.** The queues are threaded through a word that each lane has anyway ([`Links`]), as the ring's
//! is; a lane keeps the [`TenantSlot`] that it got when it was made. While there are no rates and never were two tenants at
//! once it sleeps: then it *is* one first-in-first-out ring, for one branch.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashTable;
use laneway_domain::Monotonic;

use super::quotas::Quotas;
use super::rate::RateCell;

/// Where a lane keeps the number of the lane behind it.
pub trait Links {
    /// The lane behind `lane`.
    fn next(&self, lane: u32) -> u32;
    /// Puts `next` behind `lane`.
    fn link(&mut self, lane: u32, next: u32);
}

/// Names a tenant while it has lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantSlot(u32);

/// What may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// This lane; its tokens are taken.
    Lane(u32),
    /// Nothing before `until`, or before another lane is ready.
    Idle {
        /// When a tenant, or the subscription, has a token again; never where nothing waits for one.
        until: Monotonic,
    },
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Tenant {
    name: Option<CompactString>,
    cell: Option<Arc<RateCell>>,
    /// Lanes that exist, ready or not.
    lanes: u32,
    ready: Chain,
    /// The tenant behind this one in the ring.
    next: u32,
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It has no ready lane.
    Idle,
    /// It stands in the ring.
    Waits,
    /// It has no token before this time.
    Out(Monotonic),
}

/// First in, first out, through words of the members.
#[derive(Debug, Clone, Copy)]
struct Chain {
    first: u32,
    last: u32,
}

impl Chain {
    const EMPTY: Self = Self { first: NONE, last: NONE };

    #[inline]
    fn push(&mut self, links: &mut (impl Links + ?Sized), at: u32) {
        links.link(at, NONE);
        if self.last == NONE {
            self.first = at;
        } else {
            links.link(self.last, at);
        }
        self.last = at;
    }

    fn push_front(&mut self, links: &mut (impl Links + ?Sized), at: u32) {
        links.link(at, self.first);
        self.first = at;
        if self.last == NONE {
            self.last = at;
        }
    }

    #[inline]
    fn pop(&mut self, links: &(impl Links + ?Sized)) -> Option<u32> {
        let at = self.first;
        if at == NONE {
            return None;
        }
        self.first = links.next(at);
        if self.first == NONE {
            self.last = NONE;
        }
        Some(at)
    }
}

impl Links for [Tenant] {
    fn next(&self, tenant: u32) -> u32 {
        self[tenant as usize].next
    }

    fn link(&mut self, tenant: u32, next: u32) {
        self[tenant as usize].next = next;
    }
}

/// The ready lanes of one worker, by tenant.
///
/// Memory: one entry a tenant that has lanes now, none for those seen before.
#[derive(Debug)]
pub struct Fairness {
    quotas: Arc<Quotas>,
    tenants: Vec<Tenant>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// Tenants with ready lanes and, as far as is known, tokens.
    ring: Chain,
    out: BinaryHeap<Reverse<(Monotonic, u32)>>,
    ready: usize,
    awake: bool,
    /// The ready lanes of the only tenant, while asleep.
    plain: Chain,
}

impl Fairness {
    /// No lanes. Workers of one subscription share its quotas.
    #[must_use]
    pub fn new(quotas: Arc<Quotas>) -> Self {
        Self {
            awake: !quotas.is_empty(),
            quotas,
            tenants: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            ring: Chain::EMPTY,
            out: BinaryHeap::new(),
            ready: 0,
            plain: Chain::EMPTY,
        }
    }

    /// How many lanes are ready, those without a token included.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// A lane of this tenant comes into being.
    #[inline]
    pub fn enter(&mut self, tenant: Option<&str>, now: Monotonic) -> TenantSlot {
        if !self.awake
            && let Some(only) = self.tenants.first_mut()
        {
            if only.name.as_deref() == tenant {
                only.lanes += 1;
                return TenantSlot(0);
            }
            self.meet();
        }
        self.enter_new(tenant, now)
    }

    /// Asleep, and here comes another tenant: it takes the place of the only one if that is gone, else it is round robin from now on.
    #[cold]
    fn meet(&mut self) {
        if self.tenants.first().is_some_and(|only| only.lanes == 0) {
            self.forget(0);
            return;
        }
        self.awake = true;
        if self.ready > 0 {
            self.tenants[0].ready = std::mem::replace(&mut self.plain, Chain::EMPTY);
            self.queue_up(0);
        }
    }

    fn enter_new(&mut self, tenant: Option<&str>, now: Monotonic) -> TenantSlot {
        let (hash, tenants) = (self.hasher.hash_one(tenant), &self.tenants);
        let known = self.index.find(hash, |at| tenants[*at as usize].name.as_deref() == tenant).copied();
        let at = known.unwrap_or_else(|| self.add(tenant, hash, now));
        self.tenants[at as usize].lanes += 1;
        TenantSlot(at)
    }

    fn add(&mut self, name: Option<&str>, hash: u64, now: Monotonic) -> u32 {
        let cell = name.and_then(|name| self.quotas.tenant(name, now));
        let (name, ready, turn) = (name.map(CompactString::new), Chain::EMPTY, Turn::Idle);
        let tenant = Tenant { name, cell, lanes: 0, ready, next: NONE, turn };
        let at = match self.free.pop() {
            Some(at) => {
                self.tenants[at as usize] = tenant;
                at
            }
            None => {
                self.tenants.push(tenant);
                u32::try_from(self.tenants.len() - 1).unwrap_or(NONE)
            }
        };
        let (tenants, hasher) = (&self.tenants, &self.hasher);
        self.index.insert_unique(hash, at, |at| hasher.hash_one(tenants[*at as usize].name.as_deref()));
        at
    }

    /// A lane of this tenant, which is not ready, is gone.
    #[inline]
    pub fn leave(&mut self, TenantSlot(at): TenantSlot) {
        let tenant = &mut self.tenants[at as usize];
        tenant.lanes -= 1;
        // Asleep, the only tenant stays: it will probably be the next one too.
        if tenant.lanes == 0 && self.awake {
            self.forget(at);
        }
    }

    fn forget(&mut self, at: u32) {
        let tenant = &mut self.tenants[at as usize];
        debug_assert!(tenant.turn != Turn::Waits, "a tenant without lanes has none that is ready");
        (tenant.cell, tenant.turn) = (None, Turn::Idle);
        let hash = self.hasher.hash_one(tenant.name.take().as_deref());
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == at) {
            entry.remove();
            self.free.push(at);
        }
    }

    /// A lane may start as far as its own head is concerned.
    #[inline]
    pub fn push(&mut self, links: &mut (impl Links + ?Sized), tenant: TenantSlot, lane: u32) {
        self.ready += 1;
        if self.awake {
            self.push_awake(links, tenant, lane);
        } else {
            self.plain.push(links, lane);
        }
    }

    fn push_awake(&mut self, links: &mut (impl Links + ?Sized), TenantSlot(at): TenantSlot, lane: u32) {
        let tenant = &mut self.tenants[at as usize];
        tenant.ready.push(links, lane);
        if tenant.turn == Turn::Idle {
            self.queue_up(at);
        }
    }

    fn queue_up(&mut self, at: u32) {
        self.tenants[at as usize].turn = Turn::Waits;
        self.ring.push(&mut self.tenants[..], at);
    }

    /// The lane that starts next, with its tokens taken.
    #[inline]
    pub fn pick(&mut self, links: &(impl Links + ?Sized), now: Monotonic) -> Pick {
        if self.awake {
            return self.pick_awake(links, now);
        }
        let Some(lane) = self.plain.pop(links) else { return Pick::Idle { until: Monotonic::NEVER } };
        self.ready -= 1;
        Pick::Lane(lane)
    }

    fn pick_awake(&mut self, links: &(impl Links + ?Sized), now: Monotonic) -> Pick {
        self.let_back(now);
        while let Some(at) = self.ring.pop(&self.tenants[..]) {
            let tenant = &mut self.tenants[at as usize];
            if let Some(Err(until)) = tenant.cell.as_ref().map(|cell| cell.take(now)) {
                tenant.turn = Turn::Out(until);
                self.out.push(Reverse((until, at)));
                continue;
            }
            if let Some(Err(until)) = self.quotas.subscription().map(|cell| cell.take(now)) {
                tenant.cell.iter().for_each(|cell| cell.give_back());
                self.ring.push_front(&mut self.tenants[..], at);
                return Pick::Idle { until };
            }
            return self.start(links, at);
        }
        let until = self.out.peek().map_or(Monotonic::NEVER, |Reverse((until, _))| *until);
        Pick::Idle { until }
    }

    fn start(&mut self, links: &(impl Links + ?Sized), at: u32) -> Pick {
        let tenant = &mut self.tenants[at as usize];
        tenant.turn = Turn::Idle;
        let Some(lane) = tenant.ready.pop(links) else {
            unreachable!("a tenant in the ring has a ready lane")
        };
        let more = tenant.ready.first != NONE;
        self.ready -= 1;
        if more {
            self.queue_up(at);
        }
        Pick::Lane(lane)
    }

    /// Tenants whose time has come take their turns again.
    fn let_back(&mut self, now: Monotonic) {
        while let Some(Reverse((until, at))) = self.out.peek().copied().filter(|out| out.0.0 <= now) {
            self.out.pop();
            let tenant = &mut self.tenants[at as usize];
            // The slot may have got another tenant meanwhile.
            if tenant.turn == Turn::Out(until) {
                tenant.turn = Turn::Idle;
                if tenant.ready.first != NONE {
                    self.queue_up(at);
                }
            }
        }
    }

    /// Takes every ready lane out, to put back what stays: for revocations.
    pub fn drain(&mut self, links: &(impl Links + ?Sized)) -> Vec<u32> {
        let mut lanes = Vec::with_capacity(self.ready);
        lanes.extend(std::iter::from_fn(|| self.plain.pop(links)));
        for tenant in &mut self.tenants {
            lanes.extend(std::iter::from_fn(|| tenant.ready.pop(links)));
            if tenant.turn == Turn::Waits {
                tenant.turn = Turn::Idle;
            }
        }
        (self.ring, self.ready) = (Chain::EMPTY, 0);
        lanes
    }
}

#[cfg(test)]
#[path = "fairness_tests.rs"]
mod tests;

//! Which ready lane starts next: round robin by tenant, each within its rate.
//!
//! Tenants take turns, one event each, whatever the length of their queues: one round of Nagle's fair queueing (RFC 970, 1985)
//! with events for packets. A tenant out of tokens leaves the ring with all its lanes until its time, so nobody waits for it,
//! and the time of the next start is known.
//!
//! **It is the ring of ready lanes.** The queues are threaded through a word that each lane has anyway ([`Links`]); a lane keeps the
//! [`TenantSlot`] that it got when it was made. While there are no rates and never were two tenants at once it sleeps: then it is
//! one first-in-first-out ring, for one branch.

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
    /// The number of the lane behind `lane`; nothing where there is no such lane.
    fn next(&self, lane: u32) -> Option<u32>;
    /// The same, to be changed.
    fn next_mut(&mut self, lane: u32) -> Option<&mut u32>;
}

/// Names a tenant while it has lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantSlot(u32);

impl TenantSlot {
    /// That of the only tenant, while there is one.
    const ONLY: Self = Self(0);
}

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
    lanes: usize,
    ready: Chain,
    /// How many are ready.
    waiting: usize,
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

    fn is_empty(self) -> bool {
        self.first == NONE
    }

    #[inline]
    fn push(&mut self, links: &mut (impl Links + ?Sized), at: u32) {
        if let Some(next) = links.next_mut(at) {
            *next = NONE;
        }
        match links.next_mut(self.last) {
            Some(last) => *last = at,
            None => self.first = at,
        }
        self.last = at;
    }

    #[inline]
    fn pop(&mut self, links: &(impl Links + ?Sized)) -> Option<u32> {
        let at = self.first;
        self.first = links.next(at)?;
        if self.first == NONE {
            self.last = NONE;
        }
        Some(at)
    }
}

impl Links for [Tenant] {
    fn next(&self, tenant: u32) -> Option<u32> {
        self.get(tenant as usize).map(|tenant| tenant.next)
    }

    fn next_mut(&mut self, tenant: u32) -> Option<&mut u32> {
        self.get_mut(tenant as usize).map(|tenant| &mut tenant.next)
    }
}

/// The ready lanes of one worker, by tenant.
///
/// Memory: one entry a tenant that has lanes now, none for those seen before.
#[derive(Debug)]
pub struct Fairness {
    quotas: Arc<Quotas>,
    /// Whose turn it is in the lines of the rates.
    worker: u32,
    tenants: Vec<Tenant>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// Tenants with ready lanes and, as far as is known, tokens.
    ring: Chain,
    out: BinaryHeap<Reverse<(Monotonic, u32)>>,
    /// Ready lanes of tenants without a token.
    out_lanes: usize,
    /// Whether the subscription had no token for the last pick.
    dry: bool,
    ready: usize,
    /// The time of the last pick.
    seen: Monotonic,
    awake: bool,
    /// The only tenant, while asleep.
    only: Option<CompactString>,
    /// Its ready lanes; none once awake.
    plain: Chain,
}

impl Fairness {
    /// No lanes. Workers of one subscription share its quotas, each under its number.
    #[must_use]
    pub fn new(quotas: Arc<Quotas>, worker: u32) -> Self {
        Self {
            awake: !quotas.is_empty(),
            quotas,
            worker,
            tenants: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            ring: Chain::EMPTY,
            out: BinaryHeap::new(),
            out_lanes: 0,
            dry: false,
            ready: 0,
            seen: Monotonic::ZERO,
            only: None,
            plain: Chain::EMPTY,
        }
    }

    /// How many lanes are ready, those without a token included.
    #[must_use]
    #[inline]
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// How many of them found no token when they were last looked at.
    #[must_use]
    #[inline]
    pub fn throttled(&self) -> usize {
        if self.dry { self.ready } else { self.out_lanes }
    }

    /// A lane of this tenant comes into being beside so many others.
    #[inline]
    pub fn enter(&mut self, tenant: Option<&str>, others: usize) -> TenantSlot {
        let is_only = match (&self.only, tenant) {
            (None, None) => true,
            (Some(only), Some(tenant)) => only == tenant,
            _ => false,
        };
        if is_only && !self.awake {
            return TenantSlot::ONLY;
        }
        self.enter_beside(tenant, others)
    }

    /// Here comes another tenant than the only one: it takes its place if that is gone, else tenants take turns from now on.
    #[inline(never)]
    fn enter_beside(&mut self, tenant: Option<&str>, others: usize) -> TenantSlot {
        if !self.awake && others == 0 {
            self.only = tenant.map(CompactString::new);
            return TenantSlot::ONLY;
        }
        if !self.awake {
            self.wake(others);
        }
        let at = self.slot(tenant);
        self.tenants[at as usize].lanes += 1;
        TenantSlot(at)
    }

    #[cold]
    fn wake(&mut self, lanes: usize) {
        self.awake = true;
        let only = self.only.take();
        let at = self.slot(only.as_deref());
        debug_assert_eq!(TenantSlot(at), TenantSlot::ONLY, "it is the first");
        let tenant = &mut self.tenants[at as usize];
        (tenant.lanes, tenant.waiting) = (lanes, self.ready);
        tenant.ready = std::mem::replace(&mut self.plain, Chain::EMPTY);
        if self.ready > 0 {
            self.queue_up(at);
        }
    }

    fn slot(&mut self, tenant: Option<&str>) -> u32 {
        let (hash, tenants) = (self.hasher.hash_one(tenant), &self.tenants);
        let known = self.index.find(hash, |at| tenants[*at as usize].name.as_deref() == tenant).copied();
        known.unwrap_or_else(|| self.add(tenant, hash))
    }

    fn add(&mut self, name: Option<&str>, hash: u64) -> u32 {
        // The time only decides which cells have rested and may be forgotten: an earlier one keeps them longer.
        let cell = name.and_then(|name| self.quotas.tenant(name, self.seen));
        let (name, ready, turn) = (name.map(CompactString::new), Chain::EMPTY, Turn::Idle);
        let tenant = Tenant { name, cell, lanes: 0, ready, waiting: 0, next: NONE, turn };
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
    pub fn leave(&mut self, tenant: TenantSlot) {
        if self.awake {
            self.leave_awake(tenant);
        }
    }

    #[inline(never)]
    fn leave_awake(&mut self, TenantSlot(at): TenantSlot) {
        let tenant = &mut self.tenants[at as usize];
        tenant.lanes -= 1;
        if tenant.lanes == 0 {
            self.forget(at);
        }
    }

    fn forget(&mut self, at: u32) {
        let tenant = &mut self.tenants[at as usize];
        debug_assert!(tenant.turn != Turn::Waits, "a tenant without lanes has none that is ready");
        tenant.turn = Turn::Idle;
        if let Some(cell) = tenant.cell.take() {
            cell.leave(self.worker);
        }
        let hash = self.hasher.hash_one(tenant.name.take().as_deref());
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == at) {
            entry.remove();
            self.free.push(at);
        }
    }

    /// A lane may start as far as its own head is concerned; `tenant` says whose it is, where that matters.
    #[inline]
    pub fn push<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        lane: u32,
        tenant: impl FnOnce(&L) -> TenantSlot,
    ) {
        self.ready += 1;
        if self.awake {
            let tenant = tenant(links);
            self.push_awake(links, tenant, lane);
        } else {
            self.plain.push(links, lane);
        }
    }

    #[inline(never)]
    fn push_awake(&mut self, links: &mut (impl Links + ?Sized), TenantSlot(at): TenantSlot, lane: u32) {
        let tenant = &mut self.tenants[at as usize];
        tenant.ready.push(links, lane);
        tenant.waiting += 1;
        match tenant.turn {
            Turn::Idle => self.queue_up(at),
            Turn::Waits => {}
            Turn::Out(_) => self.out_lanes += 1,
        }
    }

    fn queue_up(&mut self, at: u32) {
        self.tenants[at as usize].turn = Turn::Waits;
        self.ring.push(&mut self.tenants[..], at);
    }

    /// The lane that starts next, with its tokens taken.
    #[inline]
    pub fn pick(&mut self, links: &(impl Links + ?Sized), now: Monotonic) -> Pick {
        match self.plain.pop(links) {
            Some(lane) => {
                self.ready -= 1;
                Pick::Lane(lane)
            }
            None if self.awake => self.pick_awake(links, now),
            None => Pick::Idle { until: Monotonic::NEVER },
        }
    }

    #[inline(never)]
    fn pick_awake(&mut self, links: &(impl Links + ?Sized), now: Monotonic) -> Pick {
        (self.seen, self.dry) = (now, false);
        self.let_back(now);
        if self.ring.is_empty() {
            return Pick::Idle { until: self.next_back() };
        }
        if let Some(Err(until)) = self.quotas.subscription().map(|cell| cell.take(self.worker, now)) {
            self.dry = true;
            return Pick::Idle { until };
        }
        while let Some(at) = self.ring.pop(&self.tenants[..]) {
            let tenant = &mut self.tenants[at as usize];
            let Some(Err(until)) = tenant.cell.as_ref().map(|cell| cell.take(self.worker, now)) else {
                return self.start(links, at);
            };
            tenant.turn = Turn::Out(until);
            self.out_lanes += tenant.waiting;
            self.out.push(Reverse((until, at)));
        }
        // Taken before those of the tenants, so that none of them stands in a line for nothing.
        self.quotas.subscription().into_iter().for_each(|cell| cell.give_back());
        Pick::Idle { until: self.next_back() }
    }

    /// When the next tenant that is out of tokens has one.
    fn next_back(&self) -> Monotonic {
        self.out.peek().map_or(Monotonic::NEVER, |Reverse((until, _))| *until)
    }

    /// The lane that was picked last does not start: its tokens go back.
    #[inline]
    pub fn refund(&mut self, TenantSlot(at): TenantSlot) {
        if self.awake {
            let cell = self.tenants[at as usize].cell.as_ref();
            cell.into_iter().chain(self.quotas.subscription()).for_each(|cell| cell.give_back());
        }
    }

    fn start(&mut self, links: &(impl Links + ?Sized), at: u32) -> Pick {
        let tenant = &mut self.tenants[at as usize];
        tenant.turn = Turn::Idle;
        let Some(lane) = tenant.ready.pop(links) else {
            unreachable!("a tenant in the ring has a ready lane")
        };
        tenant.waiting -= 1;
        let more = tenant.waiting > 0;
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
                self.out_lanes -= tenant.waiting;
                if tenant.waiting > 0 {
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
            tenant.waiting = 0;
            if tenant.turn == Turn::Waits {
                tenant.turn = Turn::Idle;
            }
        }
        (self.ring, self.ready, self.out_lanes) = (Chain::EMPTY, 0, 0);
        // What is put back lines up anew.
        self.quotas.subscription().into_iter().for_each(|cell| cell.leave(self.worker));
        lanes
    }
}

#[cfg(test)]
#[path = "fairness_tests.rs"]
mod tests;

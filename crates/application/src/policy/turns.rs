//! Tenants take turns, each within its rate.
//!
//! One event each, whatever the length of their queues: one round of Nagle's fair queueing (RFC 970, 1985) with events for
//! packets. A tenant out of tokens leaves the ring with all its lanes until its time, so nobody waits for it, and the time of
//! the next start is known.
//!
//! Cold, all of it, seen from a subscription that has no turns to take, so that it pays for none.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use laneway_domain::Monotonic;

use super::chain::{Chain, Links};
use super::quotas::Quotas;
use super::tenants::{Tenants, Turn};

/// The ready lanes of one worker, by tenant.
#[derive(Debug)]
pub(super) struct Turns {
    quotas: Arc<Quotas>,
    /// Whose turn it is in the lines of the rates.
    worker: u32,
    tenants: Tenants,
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
}

impl Turns {
    pub(super) fn new(quotas: Arc<Quotas>, worker: u32) -> Self {
        Self {
            quotas,
            worker,
            tenants: Tenants::default(),
            ring: Chain::EMPTY,
            out: BinaryHeap::new(),
            out_lanes: 0,
            dry: false,
            ready: 0,
            seen: Monotonic::ZERO,
        }
    }

    /// Takes over the lanes of the tenant that was the only one, those that are ready in their order; its slot.
    pub(super) fn take_over(&mut self, only: Option<&str>, lanes: usize, ready: Chain) -> u32 {
        let at = self.slot(only);
        let tenant = self.tenants.of(at);
        (tenant.lanes, tenant.ready) = (lanes, ready);
        self.ready = ready.len();
        if self.ready > 0 {
            self.queue_up(at);
        }
        at
    }

    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    pub(super) fn throttled(&self) -> usize {
        if self.dry { self.ready } else { self.out_lanes }
    }

    /// A lane of this tenant comes into being.
    #[cold]
    pub(super) fn enter(&mut self, tenant: Option<&str>) -> u32 {
        let at = self.slot(tenant);
        self.tenants.of(at).lanes += 1;
        at
    }

    fn slot(&mut self, tenant: Option<&str>) -> u32 {
        // The time only decides which cells have rested and may be forgotten: an earlier one keeps them longer.
        self.tenants.slot(tenant, |name| self.quotas.tenant(name, self.seen))
    }

    #[cold]
    pub(super) fn leave(&mut self, at: u32) {
        let tenant = self.tenants.of(at);
        tenant.lanes -= 1;
        if tenant.lanes == 0
            && let Some(cell) = self.tenants.forget(at)
        {
            cell.leave(self.worker);
        }
    }

    #[cold]
    pub(super) fn push(&mut self, links: &mut (impl Links + ?Sized), at: u32, lane: u32) {
        self.ready += 1;
        let tenant = self.tenants.of(at);
        tenant.ready.push(links, lane);
        match tenant.turn {
            Turn::Idle => self.queue_up(at),
            Turn::Waits => {}
            Turn::Out(_) => self.out_lanes += 1,
        }
    }

    fn queue_up(&mut self, at: u32) {
        self.tenants.of(at).turn = Turn::Waits;
        self.ring.push(&mut self.tenants, at);
    }

    /// The lane that starts next, with its tokens taken, or when there may be one.
    #[cold]
    pub(super) fn pick(&mut self, links: &(impl Links + ?Sized), now: Monotonic) -> Result<u32, Monotonic> {
        (self.seen, self.dry) = (now, false);
        self.let_back(now);
        if self.ring.len() == 0 {
            return Err(self.next_back());
        }
        if let Some(Err(until)) = self.quotas.subscription().map(|cell| cell.take(self.worker, now)) {
            self.dry = true;
            return Err(until);
        }
        while let Some(at) = self.ring.pop(&self.tenants) {
            let tenant = self.tenants.of(at);
            let Some(Err(until)) = tenant.cell.as_ref().map(|cell| cell.take(self.worker, now)) else {
                return Ok(self.start(links, at));
            };
            tenant.turn = Turn::Out(until);
            self.out_lanes += tenant.ready.len();
            self.out.push(Reverse((until, at)));
        }
        // Taken before those of the tenants, so that none of them stands in a line for nothing.
        self.quotas.subscription().into_iter().for_each(|cell| cell.give_back());
        Err(self.next_back())
    }

    /// When the next tenant that is out of tokens has one.
    fn next_back(&self) -> Monotonic {
        self.out.peek().map_or(Monotonic::NEVER, |Reverse((until, _))| *until)
    }

    /// The lane that was picked last does not start: its tokens go back.
    pub(super) fn refund(&mut self, at: u32) {
        let cell = self.tenants.of(at).cell.as_ref();
        cell.into_iter().chain(self.quotas.subscription()).for_each(|cell| cell.give_back());
    }

    fn start(&mut self, links: &(impl Links + ?Sized), at: u32) -> u32 {
        let tenant = self.tenants.of(at);
        tenant.turn = Turn::Idle;
        let Some(lane) = tenant.ready.pop(links) else {
            unreachable!("a tenant in the ring has a ready lane")
        };
        self.ready -= 1;
        if tenant.ready.len() > 0 {
            self.queue_up(at);
        }
        lane
    }

    /// Tenants whose time has come take their turns again.
    fn let_back(&mut self, now: Monotonic) {
        while let Some(Reverse((until, at))) = self.out.peek().copied().filter(|out| out.0.0 <= now) {
            self.out.pop();
            let tenant = self.tenants.of(at);
            // The slot may have got another tenant meanwhile.
            if tenant.turn == Turn::Out(until) {
                tenant.turn = Turn::Idle;
                let waiting = tenant.ready.len();
                self.out_lanes -= waiting;
                if waiting > 0 {
                    self.queue_up(at);
                }
            }
        }
    }

    pub(super) fn drain(&mut self, links: &(impl Links + ?Sized)) -> Vec<u32> {
        let mut lanes = Vec::with_capacity(self.ready);
        for tenant in self.tenants.iter_mut() {
            lanes.extend(tenant.ready.drain(links));
            if tenant.turn == Turn::Waits {
                tenant.turn = Turn::Idle;
            }
        }
        (self.ring, self.ready, self.out_lanes) = (Chain::EMPTY, 0, 0);
        // What is put back lines up anew.
        self.quotas.subscription().into_iter().for_each(|cell| cell.leave(self.worker));
        lanes
    }

    #[cfg(test)]
    pub(super) fn tenants(&self) -> &Tenants {
        &self.tenants
    }
}

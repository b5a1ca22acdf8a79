//! Which ready lane starts next: round robin by tenant, each within its rate.
//!
//! **It is the ring of ready lanes**, threaded through a word that each lane has anyway ([`Links`]); a lane keeps the [`TenantSlot`]
//! that it got when it was made. While there are no rates and never were two tenants at once it sleeps: then it is one
//! first-in-first-out ring, for one branch. Awake, it lets the tenants take [`Turns`].

use std::sync::Arc;

use compact_str::CompactString;
use laneway_domain::Monotonic;

use super::chain::{Chain, Links};
use super::quotas::Quotas;
use super::tenants::TenantSlot;
use super::turns::Turns;

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

/// The ready lanes of one worker, by tenant.
#[derive(Debug)]
pub struct Fairness {
    whose: Whose,
    /// The ready lanes, while asleep; awake, the one that starts next is handed out through it.
    plain: Chain,
    quotas: Arc<Quotas>,
    worker: u32,
}

/// Whose lanes there are.
#[derive(Debug)]
enum Whose {
    /// Those of events without a tenant.
    Nobodys,
    /// Those of one tenant.
    Ones(CompactString),
    /// Those of several, or there are rates.
    Many(Box<Turns>),
}

/// That of the only tenant, while there is one.
const ONLY: TenantSlot = TenantSlot(0);

impl Fairness {
    /// No lanes. Workers of one subscription share its quotas, each under its number.
    #[must_use]
    pub fn new(quotas: Arc<Quotas>, worker: u32) -> Self {
        let whose = if quotas.is_empty() {
            Whose::Nobodys
        } else {
            Whose::Many(Box::new(Turns::new(quotas.clone(), worker)))
        };
        Self { whose, plain: Chain::EMPTY, quotas, worker }
    }

    /// How many lanes are ready, those without a token included.
    #[must_use]
    #[inline]
    pub fn ready(&self) -> usize {
        match &self.whose {
            Whose::Many(turns) => turns.ready(),
            _ => self.plain.len(),
        }
    }

    /// How many of them found no token when they were last looked at.
    #[must_use]
    pub fn throttled(&self) -> usize {
        match &self.whose {
            Whose::Many(turns) => turns.throttled(),
            _ => 0,
        }
    }

    /// A lane of this tenant comes into being beside so many others.
    #[inline]
    pub fn enter(&mut self, tenant: Option<&str>, others: usize) -> TenantSlot {
        match (&self.whose, tenant) {
            (Whose::Nobodys, None) => ONLY,
            (Whose::Ones(only), Some(tenant)) if only == tenant => ONLY,
            _ => self.enter_beside(tenant, others),
        }
    }

    /// Here comes another tenant than the only one: it takes its place if that is gone, else tenants take turns from now on.
    #[cold]
    fn enter_beside(&mut self, tenant: Option<&str>, others: usize) -> TenantSlot {
        if let Whose::Many(turns) = &mut self.whose {
            return TenantSlot(turns.enter(tenant));
        }
        if others == 0 {
            self.whose = tenant.map_or(Whose::Nobodys, |tenant| Whose::Ones(tenant.into()));
            return ONLY;
        }
        let mut turns = self.wake(others);
        let slot = TenantSlot(turns.enter(tenant));
        self.whose = Whose::Many(turns);
        slot
    }

    #[cold]
    fn wake(&mut self, lanes: usize) -> Box<Turns> {
        let mut turns = Turns::new(self.quotas.clone(), self.worker);
        let only = if let Whose::Ones(only) = &self.whose { Some(only.as_str()) } else { None };
        let plain = std::mem::replace(&mut self.plain, Chain::EMPTY);
        let at = turns.take_over(only, lanes, plain);
        debug_assert_eq!(TenantSlot(at), ONLY, "it is the first");
        Box::new(turns)
    }

    /// A lane of this tenant, which is not ready, is gone.
    #[inline]
    pub fn leave(&mut self, TenantSlot(at): TenantSlot) {
        if let Whose::Many(turns) = &mut self.whose {
            turns.leave(at);
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
        match &mut self.whose {
            Whose::Many(turns) => {
                let TenantSlot(at) = tenant(links);
                turns.push(links, at, lane);
            }
            _ => self.plain.push(links, lane),
        }
    }

    /// The lane that starts next, with its tokens taken.
    #[inline]
    pub fn pick(&mut self, links: &(impl Links + ?Sized), now: Monotonic) -> Pick {
        if self.plain.len() == 0 {
            let Whose::Many(turns) = &mut self.whose else { return Pick::Idle { until: Monotonic::NEVER } };
            match turns.pick(links, now) {
                Ok(lane) => self.plain = Chain::of(lane),
                Err(until) => return Pick::Idle { until },
            }
        }
        self.plain.pop(links).map_or(Pick::Idle { until: Monotonic::NEVER }, Pick::Lane)
    }

    /// The lane that was picked last does not start: its tokens go back.
    #[inline]
    pub fn refund(&mut self, TenantSlot(at): TenantSlot) {
        if let Whose::Many(turns) = &mut self.whose {
            turns.refund(at);
        }
    }

    /// Takes every ready lane out, to put back what stays: for revocations.
    pub fn drain(&mut self, links: &(impl Links + ?Sized)) -> Vec<u32> {
        match &mut self.whose {
            Whose::Many(turns) => turns.drain(links),
            _ => self.plain.drain(links),
        }
    }
}

#[cfg(test)]
#[path = "fairness_tests.rs"]
mod tests;

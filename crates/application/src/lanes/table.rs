//! The table of lanes.

use std::sync::Arc;

use hashbrown::HashTable;

use super::answers::Admitted;
use super::census::Census;
use super::lane::{Lane, LaneId, NONE, Phase, Ticket};
use super::queue::Pool;
use super::timers::Timers;
use crate::policy::{Fairness, Quotas};
use crate::sabotage::{Bug, is_planted};

/// The lanes of one worker: at most one event of an aggregate runs, in order; any number of aggregates at once.
///
/// A lane is found by its hash *and* by asking whether the event at its head has the same key, so two aggregates never
/// share one. Events stand in it as tickets; what a ticket stands for only the worker knows.
#[derive(Debug)]
pub struct Lanes {
    index: HashTable<u32>,
    pub(super) lanes: Vec<Lane>,
    pub(super) free: u32,
    pub(super) queues: Pool,
    pub(super) ready: Fairness,
    pub(super) timers: Timers,
    pub(super) census: Census,
    pub(super) capacity: u32,
}

impl Lanes {
    /// No lanes, and no rates; a lane whose queue reaches `capacity` counts as full.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::within(Arc::default(), 0, capacity)
    }

    /// No lanes, of the worker of this number among those that share the quotas.
    #[must_use]
    pub fn within(quotas: Arc<Quotas>, worker: usize, capacity: usize) -> Self {
        Self {
            index: HashTable::new(),
            lanes: Vec::new(),
            free: NONE,
            queues: Pool::new(),
            ready: Fairness::new(quotas, u32::try_from(worker).unwrap_or(u32::MAX)),
            timers: Timers::default(),
            census: Census::default(),
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
        }
    }

    /// How many lanes there are, and what they do.
    #[must_use]
    pub fn census(&self) -> Census {
        Census { throttled: self.ready.throttled(), ..self.census }
    }

    /// How many lanes are ready to start, those without a token included.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.ready.ready()
    }

    /// Takes an event of an aggregate of a tenant, whose key hashes to `hash`. `same` says whether the event of a ticket
    /// has the same key.
    #[inline]
    pub fn admit(
        &mut self,
        hash: u64,
        tenant: Option<&str>,
        ticket: Ticket,
        mut same: impl FnMut(Ticket) -> bool,
    ) -> Admitted {
        if let Some(at) = self.find(hash, &mut same) {
            if self.lanes[at as usize].parked {
                return Admitted::Parked(self.id(at));
            }
            return self.enqueue(at, ticket);
        }
        let lane = self.add(hash, tenant, ticket);
        self.make_ready(lane)
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, mut same: impl FnMut(Ticket) -> bool) -> Option<u32> {
        let known = self.index.find(hash, |at| {
            let lane = &self.lanes[*at as usize];
            lane.hash == hash && (same(lane.head) || is_planted(Bug::LanesShareAHash))
        });
        known.copied()
    }

    #[inline]
    fn add(&mut self, hash: u64, tenant: Option<&str>, ticket: Ticket) -> LaneId {
        let lane = self.place(hash, tenant, ticket, true);
        let lanes = &self.lanes;
        self.index.insert_unique(hash, lane.at, |at| lanes[*at as usize].hash);
        lane
    }

    /// Adds a lane that is parked from the start.
    pub(super) fn add_parked(&mut self, hash: u64, tenant: Option<&str>, marker: Ticket) -> u32 {
        let LaneId { at, .. } = self.add(hash, tenant, marker);
        self.lanes[at as usize].phase = Phase::Parked;
        self.census.lanes += 1;
        self.census.parked += 1;
        at
    }

    /// Takes an event without an aggregate: a lane of its own, in which nothing can queue.
    pub fn admit_loose(&mut self, tenant: Option<&str>, ticket: Ticket) -> Admitted {
        let lane = self.place(0, tenant, ticket, false);
        self.make_ready(lane)
    }

    #[inline]
    fn make_ready(&mut self, lane: LaneId) -> Admitted {
        self.census.lanes += 1;
        self.push_ready(lane.at);
        Admitted::Ready(lane)
    }

    #[inline]
    pub(super) fn push_ready(&mut self, at: u32) {
        self.ready.push(&mut self.lanes[..], at, |lanes| lanes[at as usize].tenant);
    }

    #[inline]
    pub(super) fn id(&self, at: u32) -> LaneId {
        LaneId { at, generation: self.lanes[at as usize].generation }
    }

    #[inline]
    fn place(&mut self, hash: u64, tenant: Option<&str>, head: Ticket, keyed: bool) -> LaneId {
        let tenant = self.ready.enter(tenant, self.census.lanes);
        if let Some(place) = self.lanes.get_mut(self.free as usize) {
            let at = self.free;
            self.free = place.next;
            let generation = place.generation;
            *place = Lane::new(hash, head, tenant, keyed, generation);
            return LaneId { at, generation };
        }
        self.lanes.push(Lane::new(hash, head, tenant, keyed, 0));
        LaneId { at: u32::try_from(self.lanes.len() - 1).unwrap_or(NONE), generation: 0 }
    }

    pub(super) fn enqueue(&mut self, at: u32, ticket: Ticket) -> Admitted {
        let lane = &mut self.lanes[at as usize];
        self.queues.push(lane, ticket);
        self.census.queued += 1;
        if !lane.full && lane.queued >= self.capacity {
            lane.full = true;
            self.census.full += 1;
            return Admitted::Filled(self.id(at));
        }
        Admitted::Queued(self.id(at))
    }

    #[inline]
    pub(super) fn lane(&self, lane: LaneId) -> Option<&Lane> {
        self.lanes.get(lane.at as usize).filter(|known| known.generation == lane.generation)
    }

    /// Whether a lane's queue has reached its capacity.
    #[must_use]
    pub fn is_full(&self, lane: LaneId) -> bool {
        self.lane(lane).is_some_and(|lane| lane.full)
    }

    /// The event behind the head, if there is one.
    #[must_use]
    pub fn follower(&self, lane: LaneId) -> Option<Ticket> {
        self.queues.first(self.lane(lane)?)
    }

    #[inline]
    pub(super) fn remove(&mut self, at: u32) {
        let lane = &mut self.lanes[at as usize];
        if lane.keyed {
            let entry = self.index.find_entry(lane.hash, |known| *known == at);
            debug_assert!(entry.is_ok(), "a keyed lane is in the index");
            if let Ok(entry) = entry {
                entry.remove();
            }
        }
        if lane.full {
            self.census.full -= 1;
        }
        lane.generation = lane.generation.wrapping_add(1);
        lane.next = std::mem::replace(&mut self.free, at);
        self.census.lanes -= 1;
        self.ready.leave(lane.tenant);
    }

    /// Every lane: what its head is doing, and the event there.
    pub fn iter(&self) -> impl Iterator<Item = (LaneId, Phase, Ticket)> + '_ {
        self.taken().into_iter().map(|at| {
            let lane = &self.lanes[at as usize];
            (self.id(at), lane.phase, lane.head)
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

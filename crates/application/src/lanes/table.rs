//! The table of lanes.

use std::sync::Arc;

use hashbrown::HashTable;
use laneway_domain::Monotonic;

use super::census::Census;
use super::lane::{Lane, LaneId, NONE, Phase, Ticket};
use super::queue::Pool;
use super::timers::Timers;
use crate::policy::{Fairness, Pick, Quotas};
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
    timers: Timers,
    pub(super) census: Census,
    capacity: u32,
}

/// What became of an event that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It is the head of a new lane, and ready.
    Ready(LaneId),
    /// It waits behind others of its aggregate.
    Queued(LaneId),
    /// It waits, and with it the lane's queue has reached its capacity.
    Filled(LaneId),
    /// Its aggregate is parked: it was not queued.
    Parked(LaneId),
}

/// What may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The event at the head of this lane, which is closed until the event's time in it ends; its tokens are taken.
    Head(LaneId, Ticket),
    /// Nothing before `until`, or before another lane is ready.
    Idle {
        /// When there may be a token for what is ready; never where nothing waits for one.
        until: Monotonic,
    },
}

/// What the end of a head's time in its lane did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The lane had no more work and is gone.
    Gone,
    /// The next event is the head now, and ready.
    Ready,
    /// The same, and the lane's queue is no longer full.
    Relieved,
    /// The lane is no longer there: the command came too late.
    Late,
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
        let at = self.add(hash, tenant, ticket);
        self.make_ready(at)
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
    fn add(&mut self, hash: u64, tenant: Option<&str>, ticket: Ticket) -> u32 {
        let at = self.place(hash, tenant, ticket, true);
        let lanes = &self.lanes;
        self.index.insert_unique(hash, at, |at| lanes[*at as usize].hash);
        at
    }

    /// Adds a lane that is parked from the start.
    pub(super) fn add_parked(&mut self, hash: u64, tenant: Option<&str>, marker: Ticket) -> u32 {
        let at = self.add(hash, tenant, marker);
        self.lanes[at as usize].phase = Phase::Parked;
        self.census.lanes += 1;
        self.census.parked += 1;
        at
    }

    /// Takes an event without an aggregate: a lane of its own, in which nothing can queue.
    pub fn admit_loose(&mut self, tenant: Option<&str>, ticket: Ticket) -> Admitted {
        let at = self.place(0, tenant, ticket, false);
        self.make_ready(at)
    }

    #[inline]
    fn make_ready(&mut self, at: u32) -> Admitted {
        self.census.lanes += 1;
        self.push_ready(at);
        Admitted::Ready(self.id(at))
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
    fn place(&mut self, hash: u64, tenant: Option<&str>, head: Ticket, keyed: bool) -> u32 {
        let tenant = self.ready.enter(tenant, self.census.lanes);
        if let Some(place) = self.lanes.get_mut(self.free as usize) {
            let at = self.free;
            self.free = place.next;
            *place = Lane::new(hash, head, tenant, keyed, place.generation);
            return at;
        }
        self.lanes.push(Lane::new(hash, head, tenant, keyed, 0));
        u32::try_from(self.lanes.len() - 1).unwrap_or(NONE)
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

    /// The next head to start: tenants take turns, each within its rate.
    #[inline]
    pub fn start(&mut self, now: Monotonic) -> Start {
        let at = match self.ready.pick(&self.lanes[..], now) {
            Pick::Lane(at) => at,
            Pick::Idle { until } => return Start::Idle { until },
        };
        let lane = &mut self.lanes[at as usize];
        lane.phase = Phase::Running;
        self.census.running += 1;
        Start::Head(LaneId { at, generation: lane.generation }, lane.head)
    }

    /// A head that was to start needs no handler: its tokens go back. To be said before anything else of its lane.
    pub fn refund(&mut self, lane: LaneId) {
        if let Some(lane) = self.lane(lane) {
            let tenant = lane.tenant;
            self.ready.refund(tenant);
        }
    }

    fn lane(&self, lane: LaneId) -> Option<&Lane> {
        self.lanes.get(lane.at as usize).filter(|known| known.generation == lane.generation)
    }

    /// What the head of a lane is doing; nothing once the lane is gone.
    #[must_use]
    pub fn phase(&self, lane: LaneId) -> Option<Phase> {
        self.lane(lane).map(|lane| lane.phase)
    }

    /// The event at the head of a lane.
    #[must_use]
    pub fn head(&self, lane: LaneId) -> Option<Ticket> {
        self.lane(lane).map(|lane| lane.head)
    }

    /// Notes that the head of a lane has failed; true until the next one takes its place.
    pub fn mark_troubled(&mut self, lane: LaneId) {
        if self.lane(lane).is_some() {
            self.lanes[lane.at as usize].troubled = true;
        }
    }

    /// Whether the head of a lane has failed before.
    #[must_use]
    #[inline]
    pub fn is_troubled(&self, lane: LaneId) -> bool {
        self.lane(lane).is_some_and(|lane| lane.troubled)
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

    pub(super) fn enter(&mut self, lane: LaneId, phase: Phase) -> bool {
        if self.lane(lane).is_none() {
            return false;
        }
        let before = std::mem::replace(&mut self.lanes[lane.at as usize].phase, phase);
        self.census.leave(before);
        self.census.enter(phase);
        true
    }

    /// The head failed: its lane stays closed until `due`.
    pub fn retry(&mut self, lane: LaneId, due: Monotonic) {
        if is_planted(Bug::LaneOpenDuringRetry) {
            return self.behind_the_others(lane);
        }
        if self.enter(lane, Phase::Waiting) {
            self.timers.set(due, lane);
        }
    }

    /// What a planted bug does with a failed head.
    #[cold]
    fn behind_the_others(&mut self, lane: LaneId) {
        if let Some(head) = self.head(lane) {
            self.enqueue(lane.at, head);
            self.finish(lane);
        }
    }

    /// The head is dead: its lane stays closed until the store has it.
    pub fn bury(&mut self, lane: LaneId) {
        self.enter(lane, Phase::Burying);
    }

    /// The head is buried, and the policy keeps its lane closed.
    pub fn block(&mut self, lane: LaneId) {
        self.enter(lane, Phase::Blocked);
    }

    /// The head's tenure has ended and its handler still runs: its lane stays closed until that is over.
    pub fn haunt(&mut self, lane: LaneId) {
        self.enter(lane, Phase::Ghost);
    }

    /// The head is terminal: the next event takes its place.
    #[inline]
    pub fn finish(&mut self, lane: LaneId) -> Opened {
        let Some(entry) = self.lane(lane) else { return Opened::Late };
        let phase = entry.phase;
        debug_assert!(phase != Phase::Ready, "a head that has not started cannot be terminal");
        self.census.leave(phase);
        self.advance(lane.at)
    }

    #[inline]
    pub(super) fn advance(&mut self, at: u32) -> Opened {
        let lane = &mut self.lanes[at as usize];
        let Some(next) = self.queues.pop(lane) else {
            self.remove(at);
            return Opened::Gone;
        };
        lane.head = next;
        lane.phase = Phase::Ready;
        lane.troubled = false;
        self.census.queued -= 1;
        // Half, so that a lane does not open and close its partition with every event.
        let relieved = lane.full && lane.queued <= self.capacity / 2;
        if relieved {
            lane.full = false;
            self.census.full -= 1;
        }
        self.push_ready(at);
        if relieved { Opened::Relieved } else { Opened::Ready }
    }

    #[inline]
    fn remove(&mut self, at: u32) {
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

    /// When the next waiting lane is due, or earlier.
    #[must_use]
    pub fn next_due(&self) -> Option<Monotonic> {
        self.timers.next()
    }

    /// Closes a lane that is ready, as if its head had started; whether it was. Takes time in the number of ready lanes.
    pub fn take_ready(&mut self, lane: LaneId) -> bool {
        if self.phase(lane) != Some(Phase::Ready) {
            return false;
        }
        for at in self.ready.drain(&self.lanes[..]) {
            if at != lane.at {
                self.push_ready(at);
            }
        }
        self.enter(lane, Phase::Running)
    }

    /// Every lane: what its head is doing, and the event there.
    pub fn iter(&self) -> impl Iterator<Item = (LaneId, Phase, Ticket)> + '_ {
        self.taken().into_iter().map(|at| {
            let lane = &self.lanes[at as usize];
            (self.id(at), lane.phase, lane.head)
        })
    }

    /// Makes waiting lanes ready whose time has come.
    pub fn due(&mut self, now: Monotonic) {
        while let Some(lane) = self.timers.pop(now) {
            if self.phase(lane) == Some(Phase::Waiting) {
                self.enter(lane, Phase::Ready);
                self.push_ready(lane.at);
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! Lanes whose aggregate is parked: what arrives for them does not queue, it goes to the store.
//!
//! At the head of a parked lane stands a marker: a ticket that stands for no event. Entries that come back from the store
//! queue behind it, with another marker behind them, at which the lane rests again.

use super::lane::{LaneId, Phase, Ticket};
use super::table::Lanes;
use crate::sabotage::{Bug, is_planted};

impl Lanes {
    /// Parks a lane: `marker` takes the place of its head, and what queued is handed out, in order. The lane has another
    /// name from now on: whoever still speaks of the old one means the head that left.
    pub fn park(&mut self, lane: LaneId, marker: Ticket) -> (LaneId, Vec<Ticket>) {
        if !self.enter(lane, Phase::Parked) {
            return (lane, Vec::new());
        }
        let parked = &mut self.lanes[lane.at as usize];
        parked.generation = parked.generation.wrapping_add(1);
        parked.head = marker;
        parked.parked = !is_planted(Bug::UnparkRacesLive);
        parked.troubled = false;
        let queued: Vec<Ticket> = std::iter::from_fn(|| self.queues.pop(parked)).collect();
        self.census.queued -= queued.len();
        if std::mem::take(&mut parked.full) {
            self.census.full -= 1;
        }
        (self.id(lane.at), queued)
    }

    /// Parks an aggregate that was parked before its partition came. Where it has a lane (a ghost, or work of another
    /// partition), the marker queues in it, and what comes behind does not.
    pub fn admit_parked(
        &mut self,
        hash: u64,
        tenant: Option<&str>,
        marker: Ticket,
        same: impl FnMut(Ticket) -> bool,
    ) -> LaneId {
        let at = match self.find(hash, same) {
            Some(at) => {
                self.feed(self.id(at), marker);
                at
            }
            None => self.add_parked(hash, tenant, marker),
        };
        self.lanes[at as usize].parked = true;
        self.id(at)
    }

    /// The lane of an aggregate.
    pub fn lane_of(&self, hash: u64, same: impl FnMut(Ticket) -> bool) -> Option<LaneId> {
        self.find(hash, same).map(|at| self.id(at))
    }

    /// Queues an event from the store in a lane, parked or not. It makes no lane full: the store sends a page at a time.
    pub fn feed(&mut self, lane: LaneId, ticket: Ticket) {
        if self.phase(lane).is_some() {
            self.queues.push(&mut self.lanes[lane.at as usize], ticket);
            self.census.queued += 1;
        }
    }

    /// A marker has come to the head of a lane: nothing behind it starts before it is taken away.
    pub fn rest(&mut self, lane: LaneId) {
        self.enter(lane, Phase::Parked);
    }

    /// What arrives for a lane does not queue any more.
    pub fn repark(&mut self, lane: LaneId) {
        if self.phase(lane).is_some() {
            self.lanes[lane.at as usize].parked = true;
        }
    }

    /// What arrives for a lane queues again.
    pub fn unpark(&mut self, lane: LaneId) {
        if self.phase(lane).is_some() {
            self.lanes[lane.at as usize].parked = false;
        }
    }

    /// Whether what arrives for a lane goes to the store.
    pub fn is_parked(&self, lane: LaneId) -> bool {
        self.phase(lane).is_some() && self.lanes[lane.at as usize].parked
    }
}

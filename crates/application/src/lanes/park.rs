//! Lanes whose aggregate is parked: what arrives for them does not queue, it goes to the store.
//!
//! At the head of a parked lane stands a marker: a ticket that stands for no event. Entries that come back from the store
//! queue behind it; where more of them are to come, another marker queues behind them, and the lane is parked again when
//! that one is reached.

use super::lane::{LaneId, Phase, Ticket};
use super::table::{Lanes, Opened};
use crate::sabotage::{Bug, is_planted};

impl Lanes {
    /// Parks a lane: `marker` takes the place of its head, and what queued is handed out, in order.
    pub fn park(&mut self, lane: LaneId, marker: Ticket) -> Vec<Ticket> {
        if !self.enter(lane, Phase::Parked) {
            return Vec::new();
        }
        let parked = &mut self.lanes[lane.at as usize];
        parked.head = marker;
        parked.parked = !is_planted(Bug::UnparkRacesLive);
        parked.troubled = false;
        let queued: Vec<Ticket> = std::iter::from_fn(|| self.queues.pop(parked)).collect();
        self.census.queued -= queued.len();
        if std::mem::take(&mut parked.full) {
            self.census.full -= 1;
        }
        queued
    }

    /// Parks an aggregate that was parked before its partition came. Where it has a lane (a ghost, or work of another
    /// partition), the marker queues in it, and what comes behind does not.
    pub fn admit_parked(&mut self, hash: u64, marker: Ticket, same: impl FnMut(Ticket) -> bool) -> LaneId {
        let at = match self.find(hash, same) {
            Some(at) => {
                self.enqueue(at, marker);
                at
            }
            None => self.add_parked(hash, marker),
        };
        self.lanes[at as usize].parked = true;
        self.id(at)
    }

    /// The lane of an aggregate.
    pub fn lane_of(&self, hash: u64, same: impl FnMut(Ticket) -> bool) -> Option<LaneId> {
        self.find(hash, same).map(|at| self.id(at))
    }

    /// Queues an event in a lane, parked or not.
    pub fn feed(&mut self, lane: LaneId, ticket: Ticket) {
        if self.phase(lane).is_some() {
            self.enqueue(lane.at, ticket);
        }
    }

    /// A marker has come to the head of a lane: it is parked from now on.
    pub fn rest(&mut self, lane: LaneId) {
        self.enter(lane, Phase::Parked);
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

    /// Takes the marker from the head of a parked lane: what queues behind it may start.
    pub fn wake(&mut self, lane: LaneId) -> Opened {
        if self.phase(lane) == Some(Phase::Parked) { self.finish(lane) } else { Opened::Late }
    }
}

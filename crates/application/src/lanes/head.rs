//! The head of a lane: when it starts, what it waits for, and what comes after it.

use laneway_domain::Monotonic;

use super::answers::{Opened, Start};
use super::lane::{LaneId, Phase, Ticket};
use super::table::Lanes;
use crate::policy::Pick;
use crate::sabotage::{Bug, is_planted};

impl Lanes {
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

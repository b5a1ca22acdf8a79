//! Forgetting what was revoked.

use super::answers::Opened;
use super::lane::{LaneId, NONE, Phase, Ticket};
use super::table::Lanes;

impl Lanes {
    /// Forgets every event that `gone` names, except heads whose handlers run; says each one to `forgotten`. Lanes that
    /// lost their head and have others have another name from now on: the old and the new one of each come back.
    ///
    /// Takes time in the number of lanes: it runs once a revocation, never in between.
    pub fn forget(
        &mut self,
        gone: impl Fn(Ticket) -> bool,
        mut forgotten: impl FnMut(Ticket),
    ) -> Vec<(LaneId, LaneId)> {
        let mut renamed = Vec::new();
        for at in self.ready.drain(&self.lanes[..]) {
            if !gone(self.lanes[at as usize].head) {
                self.push_ready(at);
            }
        }
        for at in self.taken() {
            self.forget_queued(at, &gone, &mut forgotten);
            let (phase, head) = (self.lanes[at as usize].phase, self.lanes[at as usize].head);
            if !matches!(phase, Phase::Running | Phase::Ghost) && gone(head) {
                forgotten(head);
                self.census.leave(phase);
                let before = self.id(at);
                if self.advance(at) != Opened::Gone {
                    // Whoever still speaks of the lane means the head that was forgotten.
                    let generation = &mut self.lanes[at as usize].generation;
                    *generation = generation.wrapping_add(1);
                    renamed.push((before, self.id(at)));
                }
            }
        }
        renamed
    }

    /// The places that hold a lane.
    pub(super) fn taken(&self) -> Vec<u32> {
        let mut taken = vec![true; self.lanes.len()];
        let mut at = self.free;
        while let Some(lane) = self.lanes.get(at as usize) {
            taken[at as usize] = false;
            at = lane.next;
        }
        (0..).zip(taken).filter_map(|(at, taken)| taken.then_some(at)).collect()
    }

    fn forget_queued(&mut self, at: u32, gone: impl Fn(Ticket) -> bool, mut forgotten: impl FnMut(Ticket)) {
        let lane = &mut self.lanes[at as usize];
        if lane.first == NONE {
            return;
        }
        let queued: Vec<Ticket> = std::iter::from_fn(|| self.queues.pop(lane)).collect();
        self.census.queued -= queued.len();
        if std::mem::take(&mut lane.full) {
            self.census.full -= 1;
        }
        for ticket in queued {
            if gone(ticket) {
                forgotten(ticket);
            } else {
                self.enqueue(at, ticket);
            }
        }
    }
}

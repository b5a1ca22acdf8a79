//! Events that run apart from the lane of their aggregate, where order is kept only while the subscription recovers.
//!
//! Whoever finds an aggregate in the dead-letter store takes everything up to its last entry for settled. So nothing may run
//! apart beside what is parked: while an aggregate is parked, its events go through its lane in normal times too; and while
//! one of them runs apart, the aggregate is not parked, and a dead one is buried alone, as where nothing is in order.

use laneway_domain::{Event, HandlerError, HandlerMask};

use super::run::Run;
use super::worker::Worker;
use crate::lanes::{Phase, Ticket};
use crate::route::OrderingMode;

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// Takes events that need not wait for others of their aggregate, unless that is parked.
    #[cold]
    pub(super) fn admit_unordered(&mut self, run: Run) {
        let (run, entries) = self.runs.take(run, self.now);
        for ticket in (0..entries).map(|row| Ticket { run, row }) {
            if !self.has_parked_lane(ticket) {
                self.runs.set_apart(ticket);
            }
            self.admit_ticket(ticket);
        }
    }

    fn has_parked_lane(&self, ticket: Ticket) -> bool {
        if self.parked.is_empty() {
            return false;
        }
        let (runs, key) = (&self.runs, self.runs.key(ticket));
        let lane = runs.entry(ticket).hash.and_then(|hash| {
            let same = |other| runs.key(other) == key;
            self.lanes.lane_of(hash.get(), same)
        });
        lane.is_some_and(|lane| self.parked.contains_key(&lane))
    }

    /// Whether something of an event's aggregate runs apart, or was to and is left to the partition's next owner.
    pub(super) fn runs_apart(&self, ticket: Ticket) -> bool {
        if self.shared.ordering != OrderingMode::OrderedWhileRecovering {
            return false;
        }
        let (runs, tenure) = (&self.runs, self.runs.tenure(ticket.run));
        let own = runs.key(ticket);
        let is_other = |head: Ticket| runs.tenure(head.run) == tenure && runs.key_apart(head) == own;
        self.is_draining(tenure)
            || self.lanes.iter().any(|(_, phase, head)| phase != Phase::Ghost && is_other(head))
    }
}

//! What a worker does when partitions are taken away, are lost, or everything ends.
//!
//! Drain: what has not started is forgotten, what runs may end. Evict: what runs is dropped, and what cannot be dropped
//! keeps its lane closed as a ghost. Close: both, for everything.

use laneway_domain::{Cancellation, Event, HandlerError, HandlerMask};

use super::message::Report;
use super::seats::Sitter;
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Ticket};
use crate::ledger::Tenure;
use crate::policy::Probe;
use crate::sabotage::{Bug, is_planted};

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// The loop is gone: nothing starts any more, and what can be dropped is.
    pub(super) fn close(&mut self) {
        self.closing = true;
        drop(self.lanes.forget(|_| true, |_| ()));
        if self.cancellation == Cancellation::Drop {
            let all: Vec<u32> = self.seats.sitters().map(|(at, _)| at).collect();
            for at in all {
                self.seats.evict(at);
                self.purse.give();
            }
        }
    }

    /// Whether nothing of a tenure may start any more.
    pub(super) fn is_draining(&self, tenure: Tenure) -> bool {
        self.drains.iter().any(|(_, tenures)| tenures.contains(&tenure))
    }

    pub(super) fn forget(&mut self, tenures: &[Tenure]) {
        let (runs, mut released) = (&self.runs, Vec::new());
        let theirs = |ticket: Ticket| tenures.contains(&runs.tenure(ticket.run));
        let renamed = self.lanes.forget(theirs, |ticket| released.push(ticket));
        self.rename(&renamed);
        let lanes = &self.lanes;
        self.troubles.retain(|lane| lanes.phase(lane).is_some());
        let relieved: Vec<_> = self.filled.extract_if(|lane, _| !lanes.is_full(*lane)).collect();
        for (_, tenure) in relieved {
            self.send(Report::Full { tenure, full: false });
        }
        released.into_iter().for_each(|ticket| self.runs.release(ticket));
        self.forget_parked(tenures);
    }

    pub(super) fn evict(&mut self, tenures: &[Tenure]) {
        self.forget(tenures);
        self.restraint.forget(tenures);
        let runs = &self.runs;
        let theirs = |sitter: &Sitter| tenures.contains(&runs.tenure(sitter.ticket.run));
        let evicted: Vec<_> = self.seats.sitters().filter(|(_, sitter)| theirs(sitter)).collect();
        for (at, Sitter { lane, ticket, .. }) in evicted {
            self.probe_ended(lane, Probe::Lost);
            if self.cancellation == Cancellation::Finish {
                if is_planted(Bug::GhostLaneOpensEarly) {
                    self.lanes.finish(lane);
                } else {
                    self.lanes.haunt(lane);
                }
                continue;
            }
            self.seats.evict(at);
            self.purse.give();
            self.advance(lane, ticket);
        }
    }

    pub(super) fn report_drains(&mut self) {
        if self.drains.is_empty() {
            return;
        }
        let (runs, lanes, seats, reports) = (&self.runs, &self.lanes, &self.seats, &self.reports);
        // A ghost's tenure is over: nobody waits for it.
        let counts = |sitter: &Sitter| lanes.phase(sitter.lane) != Some(Phase::Ghost);
        let mut finished = Vec::new();
        self.drains.retain(|(id, tenures)| {
            let theirs = |sitter: &Sitter| tenures.contains(&runs.tenure(sitter.ticket.run));
            let runs_on = seats.sitters().any(|(_, sitter)| theirs(&sitter) && counts(&sitter));
            if !runs_on {
                finished.push(*id);
            }
            runs_on
        });
        self.done.drain(..).for_each(|report| drop(reports.send(report)));
        finished.into_iter().for_each(|id| self.send(Report::Drained(id)));
    }

    /// A run that outlived its tenure ended: if it is done and the same event waits behind it, that one is done too.
    pub(super) fn ghost_ended(&mut self, lane: LaneId, ticket: Ticket, done: bool) {
        let again = self
            .lanes
            .follower(lane)
            .filter(|next| self.runs.entry(*next).slot.is_open() && self.same_place(ticket, *next));
        self.advance(lane, ticket);
        if let Some(next) = again.filter(|_| done) {
            self.adopt(lane, next);
        }
    }

    fn same_place(&self, a: Ticket, b: Ticket) -> bool {
        let place = |ticket| (self.runs.topic(ticket), self.runs.received(ticket).position);
        place(a) == place(b)
    }

    fn adopt(&mut self, lane: LaneId, head: Ticket) {
        if self.lanes.take_ready(lane) {
            self.report_done(head);
            self.advance(lane, head);
        }
    }
}

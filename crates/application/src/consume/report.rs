//! What a worker tells the loop: a run of events that are done in one report, and everything in its order.

use laneway_domain::{Event, HandlerError, HandlerMask};

use super::message::Report;
use super::run::Entry;
use super::worker::Worker;
use crate::lanes::Ticket;

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// Adds an event to the report of its tenure.
    #[inline]
    pub(super) fn report_done(&mut self, ticket: Ticket) {
        let Entry { slot, bytes: size, .. } = self.runs.entry(ticket);
        if !slot.is_open() {
            self.probing.answered += 1;
            return self.redriven(ticket);
        }
        let size = size as usize;
        let of = self.runs.tenure(ticket.run);
        if let Some(Report::Done { tenure, slots, bytes }) = self.done.last_mut()
            && *tenure == of
        {
            slots.push(slot);
            *bytes += size;
            return;
        }
        self.done.push(Report::Done { tenure: of, slots: vec![slot], bytes: size });
    }

    pub(super) fn flush(&mut self) {
        self.report_outcomes();
        // Before the reports, so that whoever settles them sees lanes at least as new.
        let fewer = self.shared.counters.workers[self.number].say(self.lanes.census());
        if fewer && self.done.is_empty() {
            self.done.push(Report::Fewer);
        }
        for report in self.done.drain(..) {
            // A loop that has gone no longer wants to know.
            let _ = self.reports.send(report);
        }
        self.shared.counters.workers[self.number].end();
        self.stopwatch.report(&self.shared.gauges, self.number, self.seats.taken());
        self.shared.counters.bell.ring();
    }

    pub(super) fn send(&mut self, report: Report) {
        for report in self.done.drain(..).chain([report]) {
            let _ = self.reports.send(report);
        }
    }
}

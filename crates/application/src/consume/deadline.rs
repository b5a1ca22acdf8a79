//! A worker's times: when what runs has to be through, and what happens to what is not.

use std::time::Duration;

use laneway_domain::{Cancellation, Event, HandlerError, HandlerMask, Monotonic};

use super::worker::Worker;
use crate::lanes::Ticket;
use crate::policy::{Failure, FailureKind, Probe};
use crate::sabotage::{Bug, is_planted};

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// When an event that does not end at its first poll has to be through.
    pub(super) fn deadline(&mut self, ticket: Ticket) -> Monotonic {
        let deadline = self.now + self.limit(ticket);
        self.patience = self.patience.min(deadline);
        deadline
    }

    /// The time that an attempt may take.
    pub(super) fn limit(&self, ticket: Ticket) -> Duration {
        let own = self.runs.event(ticket).and_then(|event| self.shared.router.timeout(&event));
        own.unwrap_or(self.shared.processing_timeout)
    }

    /// Ends what has run too long, wakes what is due, lets go of old buffers.
    pub(super) fn keep_time(&mut self) {
        if self.patience <= self.now {
            self.time_out();
        }
        self.lanes.due(self.now);
        self.runs.loosen(self.now);
    }

    /// When there is something to do even if nobody calls.
    pub(super) fn next_time(&mut self) -> Monotonic {
        let retry = self.lanes.next_due().unwrap_or(Monotonic::NEVER);
        retry.min(self.runs.next_loosening()).min(self.patience).min(self.tokens).min(self.restraint.due)
    }

    fn time_out(&mut self) {
        let sitters: Vec<_> = self.seats.sitters().collect();
        self.patience = Monotonic::NEVER;
        for (at, sitter) in sitters {
            if sitter.deadline > self.now {
                self.patience = self.patience.min(sitter.deadline);
            } else if self.cancellation == Cancellation::Drop {
                self.seats.evict(at);
                if !is_planted(Bug::PermitLeaks) {
                    self.purse.give();
                }
                self.stopwatch.ended(sitter.since, self.now);
                let words = vec!["it took longer than its processing time".to_owned()];
                let failure = Failure { kind: FailureKind::Timeout, error: None, words };
                self.failed(sitter.lane, sitter.ticket, failure);
            } else {
                // It cannot be stopped: its lane stays closed until it ends, and what it returns then counts.
                let sitter = self.seats.sitter_mut(at);
                (sitter.deadline, sitter.overdue) = (Monotonic::NEVER, true);
                let sitter = *sitter;
                self.probe_ended(sitter.lane, Probe::Failed);
                tracing::warn!(group = %self.shared.group, "a handler that cannot be cancelled has run out of time");
            }
        }
    }
}

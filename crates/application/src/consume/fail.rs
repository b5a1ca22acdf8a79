//! What happens to an attempt that failed, and to an event that gives up.

use std::time::Duration;

use laneway_domain::{
    AfterDeadLetter, Body, DeadLetter, Death, DeathCause, Event, HandlerError, HandlerMask, LetterId,
    ParkState, Received, TenantId,
};

use super::hooks::FailedAttempt;
use super::message::{Dead, Report};
use super::run::{Entry, KeyRef};
use super::stats::LaneDetail;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Ticket};
use crate::ledger::Slot;
use crate::policy::{Failure, FailureKind, Next};
use crate::sabotage::stored;

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// An attempt failed: again later, or never.
    pub(super) fn failed(&mut self, lane: LaneId, ticket: Ticket, failure: Failure) {
        if !self.restraint.is_asleep() {
            self.attempt_over(ticket, false);
        }
        let before = self.runs.attempts(ticket);
        let due = failure.error.as_ref().map_or(HandlerMask::ALL, HandlerError::due);
        let class = self.shared.classifier.class(&failure);
        let counts = self.outcome(lane, class);
        let trouble = self.trouble(lane, before, due.and(self.runs.due(ticket)), counts);
        let seed = self.shared.seed
            ^ self.runs.received(ticket).position.value()
            ^ u64::from(trouble.attempts) << 48;
        let (retry, failed) = (&self.shared.retry, trouble.attempts);
        let next =
            if counts { retry.next(failed, class, seed) } else { retry.once_more(failed, class, seed) };
        self.tell(ticket, &failure, failed + u32::from(!counts), next);
        let Failure { error, words, .. } = failure;
        crate::guard::discard(error);
        match next {
            Next::After(wait) if self.waits_outside(lane, ticket, wait) => {
                self.park_waiting(lane, ticket, trouble, wait)
            }
            Next::After(wait) if wait > self.shared.hold && self.runs.entry(ticket).slot == Slot::LOOSE => {
                // Its lane is not the store's to close.
                self.dies(lane, ticket, DeathCause::Exhausted, words, trouble);
            }
            Next::After(wait) => self.again(lane, ticket, trouble, wait),
            Next::Exhausted => self.dies(lane, ticket, DeathCause::Exhausted, words, trouble),
            Next::Fatal => self.dies(lane, ticket, DeathCause::Fatal, words, trouble),
        }
    }

    pub(super) fn trouble(&mut self, lane: LaneId, before: u32, due: HandlerMask, counts: bool) -> Trouble {
        self.lanes.mark_troubled(lane);
        self.troubles.add(lane, before, self.shared.clock.wall(), due, counts)
    }

    fn again(&mut self, lane: LaneId, ticket: Ticket, trouble: Trouble, wait: Duration) {
        let (tenure, slot) = (self.runs.tenure(ticket.run), self.runs.entry(ticket).slot);
        if slot.is_open() {
            self.send(Report::Failed { tenure, slot, attempts: trouble.attempts });
        }
        if self.is_draining(tenure) {
            // Its next owner tries it again; the attempts travel in the checkpoint.
            self.advance(lane, ticket);
        } else {
            // A handler may have taken long: the wait counts from now, not from when this turn began.
            let now = self.shared.clock.monotonic();
            self.troubles.wait(lane, now + wait);
            self.lanes.retry(lane, now + wait);
        }
    }

    /// A record that does not decode dies in its lane's order, without an attempt.
    pub(super) fn undecodable(&mut self, lane: LaneId, ticket: Ticket) {
        let words = self.runs.undecodable(ticket).map_or_else(
            || vec!["the bus has no codec for records".to_owned()],
            |undecodable| laneway_domain::chain(undecodable),
        );
        let trouble = self.trouble(lane, 0, self.runs.due(ticket), true);
        let failure = Failure { kind: FailureKind::Undecodable, error: None, words };
        self.tell(ticket, &failure, trouble.attempts, Next::Fatal);
        self.dies(lane, ticket, DeathCause::Undecodable, failure.words, trouble);
    }

    /// Whether an event waits for its next attempt in the dead-letter store.
    fn waits_outside(&self, lane: LaneId, ticket: Ticket, wait: Duration) -> bool {
        let too_much = wait > self.shared.hold || self.lanes.is_full(lane);
        too_much && self.parks(ticket) && !self.is_draining(self.runs.tenure(ticket.run))
    }

    pub(super) fn dies(
        &mut self,
        lane: LaneId,
        ticket: Ticket,
        cause: DeathCause,
        errors: Vec<String>,
        trouble: Trouble,
    ) {
        let Trouble { attempts, first: first_failed, last: last_failed, due: handlers, .. } = trouble;
        let death = Death { cause, errors, attempts, first_failed, last_failed, handlers };
        let slot = self.runs.entry(ticket).slot;
        let parks = match self.shared.after_dead_letter {
            AfterDeadLetter::Park => self.parks(ticket),
            // Its position is settled: nothing but the store can keep its followers back.
            AfterDeadLetter::Block => slot == Slot::PARKED,
            AfterDeadLetter::Skip => false,
        };
        if parks {
            self.park(lane, ticket, ParkState::Dead(Box::new(death)));
        } else if slot == Slot::LOOSE {
            self.dies_again(lane, ticket, death);
        } else {
            self.bury(lane, ticket, death);
        }
    }

    fn bury(&mut self, lane: LaneId, ticket: Ticket, death: Death) {
        let (topic, partition) = self.runs.topic(ticket);
        let Received { position, appended, .. } = *self.runs.received(ticket);
        let (group, topic) = (self.shared.group.clone(), topic.clone());
        let letter = DeadLetter {
            id: LetterId { group, topic, partition, position },
            key: self.runs.key(ticket).and_then(KeyRef::to_owned),
            appended,
            original: stored(self.runs.original(ticket).clone()),
            death,
        };
        let Entry { slot, bytes, .. } = self.runs.entry(ticket);
        let (tenure, bytes) = (self.runs.tenure(ticket.run), bytes as usize);
        self.lanes.bury(lane);
        let worker = self.number;
        self.send(Report::Dead(Box::new(Dead { tenure, slot, bytes, worker, lane, letter })));
    }

    /// The dead letter at the head of a lane is in the store.
    pub(super) fn buried(&mut self, lane: LaneId, after: AfterDeadLetter) {
        let Some(ticket) = self.lanes.head(lane) else { return };
        match after {
            AfterDeadLetter::Block => self.lanes.block(lane),
            AfterDeadLetter::Skip | AfterDeadLetter::Park => self.advance(lane, ticket),
        }
    }

    /// Tells the hooks.
    pub(super) fn tell(&self, ticket: Ticket, failure: &Failure, attempt: u32, next: Next) {
        let (topic, partition) = self.runs.topic(ticket);
        let received = self.runs.received(ticket);
        let event = match &received.body {
            Body::Event(envelope) => Some(envelope),
            Body::Record(_) => None,
        };
        let attempt = FailedAttempt {
            group: &self.shared.group,
            topic,
            partition,
            position: received.position,
            event,
            failure,
            attempt,
            next,
        };
        self.shared.hooks.failed(&attempt);
    }

    /// What the lanes do, at most `limit` of them.
    pub(super) fn details(&self, limit: usize) -> Vec<LaneDetail> {
        let detail = |(lane, phase, ticket): (LaneId, Phase, Ticket)| LaneDetail {
            key: self.runs.key(ticket).and_then(KeyRef::to_owned),
            phase,
            head: self.runs.received(ticket).position,
            attempts: self.failures(lane, ticket),
        };
        self.lanes.iter().take(limit).map(detail).collect()
    }
}

impl KeyRef<'_> {
    pub(crate) fn to_owned(self) -> Option<laneway_domain::AggregateKey> {
        let id = laneway_domain::AggregateId::new(self.id).ok()?;
        let tenant = self.tenant.and_then(|tenant| TenantId::new(tenant).ok());
        Some(laneway_domain::AggregateKey { topic: self.topic.clone(), tenant, id })
    }
}

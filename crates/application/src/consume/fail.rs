//! What happens to an attempt that failed, and to an event that gives up.

use laneway_domain::{
    AfterDeadLetter, Body, DeadLetter, DeathCause, Event, HandlerError, HandlerMask, LetterId, TenantId,
};

use super::hooks::FailedAttempt;
use super::message::{Dead, Report};
use super::run::{Entry, KeyRef};
use super::stats::LaneDetail;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Ticket};
use crate::policy::{Failure, FailureKind, Next};

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// An attempt failed: again later, or never.
    pub(super) fn failed(&mut self, lane: LaneId, ticket: Ticket, failure: Failure) {
        let before = self.runs.attempts(ticket);
        let due = failure.error.as_ref().map_or(HandlerMask::ALL, HandlerError::due);
        let trouble = self.trouble(lane, before, due);
        let class = self.shared.classifier.class(&failure);
        let seed = self.shared.seed
            ^ self.runs.received(ticket).position.value()
            ^ u64::from(trouble.attempts) << 48;
        let next = self.shared.retry.next(trouble.attempts, class, seed);
        self.tell(ticket, &failure, trouble, next);
        match next {
            Next::After(wait) => self.again(lane, ticket, trouble, wait),
            Next::Exhausted => self.dies(lane, ticket, DeathCause::Exhausted, failure.words, trouble),
            Next::Fatal => self.dies(lane, ticket, DeathCause::Fatal, failure.words, trouble),
        }
    }

    fn trouble(&mut self, lane: LaneId, before: u32, due: HandlerMask) -> Trouble {
        self.lanes.mark_troubled(lane);
        self.troubles.add(lane, before, self.shared.clock.wall(), due)
    }

    fn again(&mut self, lane: LaneId, ticket: Ticket, trouble: Trouble, wait: std::time::Duration) {
        let (tenure, slot) = (self.runs.tenure(ticket.run), self.runs.entry(ticket).slot);
        self.send(Report::Failed { tenure, slot, attempts: trouble.attempts });
        if self.is_draining(tenure) {
            // Its next owner tries it again; the attempts travel in the checkpoint.
            self.advance(lane, ticket);
        } else {
            // A handler may have taken long: the wait counts from now, not from when this turn began.
            let now = self.shared.clock.monotonic();
            self.lanes.retry(lane, now + wait);
        }
    }

    /// A record that does not decode dies in its lane's order, without an attempt.
    pub(super) fn undecodable(&mut self, lane: LaneId, ticket: Ticket) {
        let words = self.runs.undecodable(ticket).map_or_else(
            || vec!["the bus has no codec for records".to_owned()],
            |undecodable| laneway_domain::chain(undecodable),
        );
        let trouble = self.trouble(lane, 0, HandlerMask::ALL);
        let failure = Failure { kind: FailureKind::Undecodable, error: None, words };
        self.tell(ticket, &failure, trouble, Next::Fatal);
        self.dies(lane, ticket, DeathCause::Undecodable, failure.words, trouble);
    }

    fn dies(
        &mut self,
        lane: LaneId,
        ticket: Ticket,
        cause: DeathCause,
        errors: Vec<String>,
        trouble: Trouble,
    ) {
        let (topic, partition) = self.runs.topic(ticket);
        let received = self.runs.received(ticket);
        let id = LetterId {
            group: self.shared.group.clone(),
            topic: topic.clone(),
            partition,
            position: received.position,
        };
        let letter = DeadLetter {
            id,
            key: self.runs.key(ticket).and_then(KeyRef::to_owned),
            original: self.runs.original(ticket).clone(),
            cause,
            errors,
            attempts: trouble.attempts,
            first_failed: trouble.first,
            last_failed: trouble.last,
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
            AfterDeadLetter::Skip => self.advance(lane, ticket),
            AfterDeadLetter::Block => self.lanes.block(lane),
        }
    }

    /// Tells the hooks.
    fn tell(&self, ticket: Ticket, failure: &Failure, trouble: Trouble, next: Next) {
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
            attempt: trouble.attempts,
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
    fn to_owned(self) -> Option<laneway_domain::AggregateKey> {
        let id = laneway_domain::AggregateId::new(self.id).ok()?;
        let tenant = self.tenant.and_then(|tenant| TenantId::new(tenant).ok());
        Some(laneway_domain::AggregateKey { topic: self.topic.clone(), tenant, id })
    }
}

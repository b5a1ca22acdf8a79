//! Small histories, written by hand: one topic with one partition, one group, event `n` at position `n`.

use std::time::Duration;

use uuid::Uuid;

use crate::aggregate::AggregateKey;
use crate::dead_letter::DeathCause;
use crate::handler::{Cancellation, ErrorClass};
use crate::identity::{AggregateId, EventId, GroupId};
use crate::invariant::{Digest, Happening, History, MemberId, Outcome, Place, RunId, Sighting, Start};
use crate::parking::Scope;
use crate::position::{Epoch, PartitionNumber, Position, Resume};
use crate::time::Monotonic;
use crate::topic::TopicName;

pub(super) const DONE: Outcome = Outcome::Done;
pub(super) const FAILED: Outcome = Outcome::Failed(None);
pub(super) const FATAL: Outcome = Outcome::Failed(Some(ErrorClass::Fatal));

/// A history that grows happening by happening.
pub(super) struct Scene {
    pub(super) history: History,
    now: Monotonic,
}

pub(super) fn scene() -> Scene {
    Scene { history: History::new(), now: Monotonic::ZERO }
}

pub(super) fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

pub(super) fn group() -> GroupId {
    GroupId::new("g").unwrap()
}

pub(super) fn scope() -> Scope {
    Scope { group: group(), topic: topic(), partition: PartitionNumber(0) }
}

pub(super) fn place(position: u64) -> Place {
    Place { scope: scope(), position: Position::new(position) }
}

pub(super) fn id(n: u64) -> EventId {
    EventId::new(Uuid::from_u128(u128::from(n) + 1)).unwrap()
}

pub(super) fn key(aggregate: &str) -> AggregateKey {
    AggregateKey { topic: topic(), tenant: None, id: AggregateId::new(aggregate).unwrap() }
}

pub(super) fn event(n: u64, aggregate: &str) -> Sighting {
    Sighting { id: Some(id(n)), topic: topic(), key: Some(key(aggregate)), digest: Digest(n) }
}

pub(super) fn start(member: u32, run: u64, n: u64, aggregate: &str) -> Start {
    Start {
        run: RunId(run),
        member: MemberId(member),
        place: place(n),
        event: event(n, aggregate),
        attempt: 1,
        cancellation: Cancellation::Drop,
    }
}

impl Scene {
    pub(super) fn say(mut self, what: Happening) -> Self {
        self.history.push(self.now, what);
        self
    }

    pub(super) fn after(mut self, seconds: u64) -> Self {
        self.now = self.now + Duration::from_secs(seconds);
        self.history.watched_until(self.now);
        self
    }

    /// Publishes event `n`.
    pub(super) fn publish(self, n: u64, aggregate: &str) -> Self {
        let position = Some(Position::new(n));
        self.say(Happening::Published { event: event(n, aggregate), partition: PartitionNumber(0), position })
    }

    /// Assigns the partition; the epoch counts as the assignment's number.
    pub(super) fn assign(self, member: u32, epoch: u64, stored: Option<u64>) -> Self {
        self.say(Happening::Assigned {
            member: MemberId(member),
            scope: scope(),
            epoch: Epoch(epoch),
            stored: stored.map(|next| Resume::At(Position::new(next))),
            initial: Resume::Start,
        })
    }

    pub(super) fn release(self, member: u32, epoch: u64) -> Self {
        self.say(Happening::Released { member: MemberId(member), scope: scope(), epoch: Epoch(epoch) })
    }

    pub(super) fn lose(self, member: u32, epoch: u64) -> Self {
        self.say(Happening::Lost { member: MemberId(member), scope: scope(), epoch: Epoch(epoch) })
    }

    pub(super) fn start(self, member: u32, run: u64, n: u64, aggregate: &str) -> Self {
        self.say(Happening::HandlerStarted(start(member, run, n, aggregate)))
    }

    pub(super) fn end(self, run: u64, outcome: Outcome) -> Self {
        self.say(Happening::HandlerEnded { run: RunId(run), outcome })
    }

    /// Handles event `n` in member 1; the run has the number of the happening.
    pub(super) fn run(self, n: u64, aggregate: &str, outcome: Outcome) -> Self {
        let run = 1_000 + self.history.len() as u64;
        self.start(1, run, n, aggregate).end(run, outcome)
    }

    pub(super) fn done(self, n: u64, aggregate: &str) -> Self {
        self.run(n, aggregate, Outcome::Done)
    }

    pub(super) fn bury(self, n: u64, aggregate: &str) -> Self {
        self.say(letter(n, aggregate))
    }

    /// Event `n` dies, and parks its aggregate.
    pub(super) fn die(self, n: u64, aggregate: &str) -> Self {
        let mut dead = letter(n, aggregate);
        if let Happening::DeadLettered { parks, .. } = &mut dead {
            *parks = true;
        }
        self.run(n, aggregate, FATAL).say(dead)
    }

    pub(super) fn park(self, n: u64, aggregate: &str) -> Self {
        self.say(Happening::Parked { place: place(n), key: Some(key(aggregate)), digest: Digest(n) })
    }

    pub(super) fn redrive(self, n: u64) -> Self {
        self.say(Happening::Redriven { place: place(n) })
    }

    pub(super) fn back(self, n: u64) -> Self {
        self.say(Happening::Returned { place: place(n), dead: Some(DeathCause::Fatal) })
    }

    /// Entry `n` leaves the store, since it was handled.
    pub(super) fn leave(self, n: u64) -> Self {
        self.say(Happening::Left { place: place(n), handled: true })
    }

    pub(super) fn let_go(self, n: u64) -> Self {
        self.say(Happening::Left { place: place(n), handled: false })
    }

    /// Commits everything before `next` in epoch 1 of member 1.
    pub(super) fn commit(self, next: u64) -> Self {
        self.say(Happening::Committed {
            member: MemberId(1),
            scope: scope(),
            epoch: Epoch(1),
            resume: Resume::At(Position::new(next)),
        })
    }

    pub(super) fn gap(self, from: u64, to: u64) -> Self {
        let [from, to] = [from, to].map(|at| Resume::At(Position::new(at)));
        self.say(Happening::GapReported { scope: scope(), from, to })
    }
}

pub(super) fn letter(n: u64, aggregate: &str) -> Happening {
    Happening::DeadLettered {
        place: place(n),
        id: Some(id(n)),
        key: Some(key(aggregate)),
        digest: Digest(n),
        cause: DeathCause::Exhausted,
        parks: false,
    }
}

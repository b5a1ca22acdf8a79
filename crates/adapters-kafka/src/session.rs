//! One membership of a group, as its user sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use laneway_domain::{
    Checkpoint, Clock, Epoch, Flow, Monotonic, PartitionId, Resume, RevocationId, Session, SessionEvent,
    Timer,
};

use crate::committer::Committer;
use crate::mail::{Letter, Mail, Order, Tap};

/// A session on Kafka: a letter box in front of the thread that owns the client, and of the one that commits.
pub(crate) struct KafkaSession {
    mail: Arc<Mail>,
    committer: Arc<Committer>,
    taps: BTreeMap<PartitionId, Arc<Tap>>,
    timer: Timer,
    clock: Arc<dyn Clock>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// It says its last word by then.
    Closing(Monotonic),
    Over,
}

impl KafkaSession {
    pub(crate) fn new(mail: Arc<Mail>, committer: Arc<Committer>, clock: Arc<dyn Clock>) -> Self {
        let timer = Timer::new(clock.clone());
        Self { mail, committer, taps: BTreeMap::new(), timer, clock, phase: Phase::Open }
    }

    fn next(&mut self) -> Option<SessionEvent> {
        loop {
            match self.mail.next()? {
                // Who closes has forgotten what it had not started.
                Letter::Batch(..) | Letter::Assigned(_) if self.phase != Phase::Open => {}
                Letter::Batch(batch, _) => return Some(SessionEvent::Batch(batch)),
                Letter::Event(event) => return Some(event),
                Letter::Assigned(assigned) => {
                    let assign = |(assignment, tap): (laneway_domain::Assignment, Arc<Tap>)| {
                        self.taps.insert(assignment.partition, tap);
                        assignment
                    };
                    return Some(SessionEvent::Assigned(assigned.into_iter().map(assign).collect()));
                }
            }
        }
    }
}

impl Session for KafkaSession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        if self.phase == Phase::Over {
            return Poll::Pending;
        }
        self.mail.register(cx.waker());
        if let Some(event) = self.next() {
            if matches!(event, SessionEvent::Closed | SessionEvent::Failed(_)) {
                self.phase = Phase::Over;
            }
            return Poll::Ready(event);
        }
        if let Phase::Closing(deadline) = self.phase
            && self.timer.poll(cx, deadline).is_ready()
        {
            self.phase = Phase::Over;
            return Poll::Ready(SessionEvent::Closed);
        }
        Poll::Pending
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        self.mail.order(Order::Start { partition, epoch, from });
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        if let Some(tap) = self.taps.get(&partition).filter(|tap| tap.epoch == epoch)
            && tap.turn(flow == Flow::Closed)
            && flow == Flow::Open
        {
            self.mail.member.wake();
        }
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.committer.commit(checkpoints);
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        self.mail.order(Order::Release { revocation, last });
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing(deadline.max(self.clock.monotonic()));
            self.mail.order(Order::Close { last, deadline });
        }
    }
}

impl Drop for KafkaSession {
    fn drop(&mut self) {
        self.mail.order(Order::Abandon);
    }
}

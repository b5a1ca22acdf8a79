//! One membership of a group, as its consumer sees it.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use laneway_domain::{
    Batch, Checkpoint, CommitAnswer, CommitError, Epoch, Flow, Gap, GapCause, Monotonic, PartitionId,
    Position, Resume, RevocationId, Rows, Session, SessionEvent, StoredCheckpoint, Subscription, Timer,
};

use crate::aftermath::Aftermath;
use crate::holdings::Holdings;
use crate::log::Stretch;
use crate::partition::Fetched;
use crate::roster::Membership;
use crate::seat::Notice;

/// A session of the memory broker.
///
/// Commands take effect at once, and their answers wait here for the next poll. Partitions that have something stand in
/// a ring: each gives one batch, a piece of one chunk of its log, and goes to the end of it.
pub(crate) struct MemorySession {
    membership: Membership,
    holdings: Holdings,
    answers: VecDeque<SessionEvent>,
    timer: Timer,
    limits: Limits,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    batch_events: usize,
    batch_bytes: usize,
    state_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// It has left; its user does not know yet.
    Left,
    /// It has said its last word.
    Over,
}

type Committed = Vec<CommitAnswer>;

impl MemorySession {
    pub(crate) fn new(membership: Membership, subscription: &Subscription, state_bytes: usize) -> Self {
        let Subscription { batch_events, batch_bytes, .. } = *subscription;
        let timer = Timer::new(membership.clock().clone());
        Self {
            membership,
            holdings: Holdings::default(),
            answers: VecDeque::new(),
            timer,
            limits: Limits { batch_events, batch_bytes, state_bytes },
            phase: Phase::Open,
        }
    }

    fn next_event(&mut self) -> Option<SessionEvent> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(answer);
        }
        if self.phase == Phase::Left {
            self.phase = Phase::Over;
            return Some(SessionEvent::Closed);
        }
        self.membership.expire();
        if let Some(notice) = self.membership.seat().next_notice() {
            return Some(self.tell(notice));
        }
        while let Some(slot) = self.membership.seat().next_ready() {
            self.holdings.announce(slot);
        }
        self.deliver()
    }

    fn tell(&mut self, notice: Notice) -> SessionEvent {
        match notice {
            Notice::Granted(grants) => SessionEvent::Assigned(self.holdings.take(grants)),
            Notice::Lost(slots) => SessionEvent::Lost { partitions: self.holdings.stop(slots) },
            Notice::Revoking { revocation, slots, until } => {
                SessionEvent::Revoking { revocation, partitions: self.holdings.stop(slots), until }
            }
            Notice::Closed => {
                self.membership.leave();
                self.phase = Phase::Over;
                SessionEvent::Closed
            }
        }
    }

    fn deliver(&mut self) -> Option<SessionEvent> {
        while let Some((partition, holding)) = self.holdings.next_ready() {
            let (epoch, cursor) = (holding.epoch, holding.cursor);
            let (event, next) = match holding.partition().fetch(self.membership.key(), epoch, cursor) {
                Fetched::Stretch(stretch) => self.limits.batch(partition, epoch, stretch),
                Fetched::Gone(oldest) => (gap(partition, epoch, cursor, oldest), oldest),
                Fetched::End | Fetched::Fenced => continue,
            };
            holding.cursor = next;
            self.holdings.queue(partition);
            return Some(event);
        }
        None
    }

    fn store(&self, checkpoints: Vec<Checkpoint>, after: &mut Aftermath) -> Committed {
        let mut committed = Vec::with_capacity(checkpoints.len());
        for checkpoint in checkpoints {
            committed.push(checkpoint.answer(self.store_one(&checkpoint, after)));
        }
        committed
    }

    fn store_one(&self, checkpoint: &Checkpoint, after: &mut Aftermath) -> Result<(), CommitError> {
        let Checkpoint { partition, epoch, resume, ref state, .. } = *checkpoint;
        let holding = self.holdings.find(partition).filter(|holding| holding.epoch == epoch);
        let holding = holding.ok_or(CommitError::Fenced)?;
        let (length, most) = (state.len(), self.limits.state_bytes);
        if length > most {
            return Err(CommitError::Retry(format!("its state has {length} bytes, and {most} are allowed")));
        }
        let (group, clock) = (self.membership.key(), &**self.membership.clock());
        holding.partition().commit(
            group,
            epoch,
            StoredCheckpoint { resume, state: state.clone() },
            clock,
            after,
        )
    }

    fn answer(&mut self, committed: Committed) {
        if !committed.is_empty() {
            self.answers.push_back(SessionEvent::Committed(committed));
        }
    }

    /// Lets a task that waits for the session look again, because a command gave it something.
    fn stir(&self) {
        self.membership.seat().wake();
    }
}

impl Session for MemorySession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        if self.phase == Phase::Over {
            return Poll::Pending;
        }
        if let Some(event) = self.next_event() {
            return Poll::Ready(event);
        }
        // Whatever came before the registration is found by looking again; whatever comes after wakes.
        self.membership.seat().register(cx.waker());
        let due = self.timer.poll(cx, self.membership.deadline());
        if due.is_ready() {
            cx.waker().wake_by_ref();
        }
        self.next_event().map_or(Poll::Pending, Poll::Ready)
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        if !self.holdings.awaits_start(partition, epoch) {
            return;
        }
        let oldest = |holding: &crate::holdings::Holding| holding.partition().oldest();
        let cursor = match from {
            Resume::Start => self.holdings.find(partition).map_or(0, oldest),
            Resume::At(_) | Resume::After(_) => from.rank(),
        };
        self.holdings.start(partition, epoch, cursor);
        self.stir();
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        self.holdings.set_flow(partition, epoch, flow);
        self.stir();
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        if self.phase != Phase::Open {
            return;
        }
        let mut after = Aftermath::default();
        let committed = self.store(checkpoints, &mut after);
        after.settle();
        self.answer(committed);
        self.stir();
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        let committed = self.membership.release(revocation, |after| self.store(last, after));
        self.answer(committed.unwrap_or_default());
        self.stir();
    }

    /// Leaves at once: memory has nothing to wait for, so the deadline is met whatever it is.
    fn close(&mut self, last: Vec<Checkpoint>, _deadline: Monotonic) {
        self.commit(last);
        if self.phase == Phase::Open {
            self.phase = Phase::Left;
            self.membership.leave();
            self.stir();
        }
    }
}

impl Limits {
    /// The events from a stretch that make the next batch, and the position behind them.
    fn batch(self, partition: PartitionId, epoch: Epoch, stretch: Stretch) -> (SessionEvent, u64) {
        let (end, bytes) = self.cut(&stretch);
        let Stretch { rows, from, log_end, .. } = stretch;
        let next = rows[end - 1].position.value() + 1;
        let (rows, pending) = (Rows::slice(rows, from, end), Some(log_end - next));
        (SessionEvent::Batch(Batch { partition, epoch, bytes, rows, pending }), next)
    }

    /// Where in the chunk the batch ends, and how many bytes it has.
    fn cut(self, stretch: &Stretch) -> (usize, usize) {
        let whole = stretch.from == 0 && stretch.rows.len() <= self.batch_events;
        if whole && stretch.bytes <= self.batch_bytes {
            return (stretch.rows.len(), stretch.bytes);
        }
        let (mut end, mut bytes) = (stretch.from, 0);
        for row in stretch.rows[stretch.from..].iter().take(self.batch_events) {
            let size = row.body.size();
            if end > stretch.from && bytes + size > self.batch_bytes {
                break;
            }
            (end, bytes) = (end + 1, bytes + size);
        }
        (end, bytes)
    }
}

fn gap(partition: PartitionId, epoch: Epoch, from: u64, to: u64) -> SessionEvent {
    let at = |position| Resume::At(Position::new(position));
    SessionEvent::Gap(Gap { partition, epoch, from: at(from), to: at(to), cause: GapCause::Retention })
}

//! A membership with faults.

use std::collections::{BTreeMap, VecDeque};
use std::task::{Context, Poll, Waker};

use laneway_domain::{
    Batch, Checkpoint, CommitAnswer, CommitError, Epoch, Flow, Monotonic, PartitionId, Resume, RevocationId,
    Session, SessionError, SessionEvent, Timer,
};

use super::dice::Faults;
use super::fault::{Crash, Fault};
use super::fence::Fence;
use super::held::{Arrived, Held};

/// A session that is late, repeats itself, refuses commits, pauses, and dies.
pub struct FaultySession {
    /// The broker's; gone once it has crashed.
    inner: Option<Box<dyn Session>>,
    faults: Faults,
    /// What this session says by itself, before anything else.
    own: VecDeque<SessionEvent>,
    held: Held,
    fence: Fence,
    owned: BTreeMap<PartitionId, Epoch>,
    /// Commits that the broker has not answered: an answer of ours must not overtake those of its partition.
    unanswered: BTreeMap<PartitionId, usize>,
    timer: Timer,
    waker: Option<Waker>,
    life: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Closing,
    /// The membership is gone, and the user hears of it at this time.
    Crashed(Monotonic),
    /// It has said its last word.
    Over,
}

impl FaultySession {
    pub(super) fn new(inner: Box<dyn Session>, faults: Faults) -> Self {
        Self {
            inner: Some(inner),
            own: VecDeque::new(),
            held: Held::default(),
            fence: Fence::new(&faults),
            owned: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            timer: Timer::new(faults.clock().clone()),
            waker: None,
            life: Life::Open,
            faults,
        }
    }

    /// Drops the membership, as the death of its process does; says so at `heard`.
    fn crash(&mut self, heard: Monotonic) {
        self.inner = None;
        self.own.clear();
        self.held.clear();
        self.life = Life::Crashed(heard);
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    /// Crashes where the plan says so at this point; whether it did.
    fn crashes(&mut self, at: Crash) -> bool {
        let strikes = self.inner.is_some() && self.faults.strikes(Fault::Crash(at));
        if strikes {
            self.crash(self.faults.now());
        }
        strikes
    }

    fn next_event(&mut self, cx: &mut Context<'_>) -> Option<SessionEvent> {
        loop {
            let now = self.faults.now();
            if let Some(event) = self.own.pop_front() {
                return Some(event);
            }
            if let Life::Crashed(heard) = self.life {
                return (heard <= now).then(|| self.fail());
            }
            match self.held.take(now) {
                Some(Arrived::First(event)) => return Some(self.hand_out(event)),
                Some(Arrived::Again(batch)) => return Some(SessionEvent::Batch(batch)),
                None => {}
            }
            if let Some(until) = self.fence.renew(&self.faults, now) {
                return Some(SessionEvent::MayStart { until });
            }
            let Poll::Ready(event) = self.inner.as_mut()?.poll_next(cx) else { return None };
            if let Some(event) = self.heard(event, now) {
                return Some(event);
            }
        }
    }

    fn fail(&mut self) -> SessionEvent {
        self.life = Life::Over;
        SessionEvent::Failed(SessionError { reason: "a fault of the plan".to_owned(), reopen: true })
    }

    /// Takes what the broker says; what to pass on now, if anything.
    fn heard(&mut self, event: SessionEvent, now: Monotonic) -> Option<SessionEvent> {
        if self.life == Life::Open && self.faults.strikes(Fault::Disconnect) {
            self.crash(now);
            return None;
        }
        match event {
            SessionEvent::Batch(batch) => return self.fetched(batch, now),
            SessionEvent::Progress { partition, .. } if self.held.is_late(partition) => {
                self.held.hold(partition, now, event);
                return None;
            }
            SessionEvent::Gap(ref gap) if self.held.is_late(gap.partition) => {
                self.held.hold(gap.partition, now, event);
                return None;
            }
            SessionEvent::MayStart { until } => {
                return Some(SessionEvent::MayStart { until: self.fence.heard(until) });
            }
            _ => self.note(&event),
        }
        Some(event)
    }

    fn note(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Assigned(all) => {
                for assignment in all {
                    self.held.forget(assignment.partition);
                    self.unanswered.remove(&assignment.partition);
                    self.owned.insert(assignment.partition, assignment.epoch);
                }
            }
            SessionEvent::Revoking { partitions, .. } => {
                partitions.iter().for_each(|(partition, _)| self.held.forget(*partition));
            }
            SessionEvent::Lost { partitions } => {
                for (partition, epoch) in partitions {
                    self.held.forget(*partition);
                    self.owned.retain(|known, at| known != partition || at != epoch);
                }
            }
            SessionEvent::Committed(answers) => {
                for CommitAnswer { partition, .. } in answers {
                    let left = self.unanswered.entry(*partition).or_default();
                    *left = left.saturating_sub(1);
                }
            }
            SessionEvent::Failed(_) | SessionEvent::Closed => {
                self.inner = None;
                self.held.clear();
                self.life = Life::Over;
            }
            _ => {}
        }
    }

    fn fetched(&mut self, batch: Batch, now: Monotonic) -> Option<SessionEvent> {
        if self.faults.strikes(Fault::Lost) {
            self.lose(now);
            return None;
        }
        let partition = batch.partition;
        let late = self.faults.strikes(Fault::BatchDelay);
        if late || self.held.is_late(partition) {
            let due = if late { now + self.faults.delay() } else { now };
            self.held.hold(partition, due, SessionEvent::Batch(batch));
            return None;
        }
        Some(self.hand_out(SessionEvent::Batch(batch)))
    }

    /// Everything is lost; the session itself ends some time later.
    fn lose(&mut self, now: Monotonic) {
        self.crash(now + self.faults.delay());
        let partitions: Vec<_> = std::mem::take(&mut self.owned).into_iter().collect();
        if !partitions.is_empty() {
            self.own.push_back(SessionEvent::Lost { partitions });
        }
    }

    fn hand_out(&mut self, event: SessionEvent) -> SessionEvent {
        if let SessionEvent::Batch(batch) = &event {
            if self.faults.strikes(Fault::BatchAgain) {
                let due = self.faults.now() + self.faults.delay();
                self.held.repeat(due, batch.clone());
            }
            self.crashes(Crash::OnBatch);
        }
        event
    }

    fn due(&self) -> Monotonic {
        match self.life {
            Life::Crashed(heard) => heard,
            Life::Over => Monotonic::NEVER,
            Life::Open | Life::Closing => self.held.due().min(self.fence.due()),
        }
    }

    fn is_current(&self, partition: PartitionId, epoch: Epoch) -> bool {
        self.owned.get(&partition) == Some(&epoch)
    }

    /// Answers checkpoints that go no further, and leaves those that do.
    fn refuse_some(&mut self, checkpoints: Vec<Checkpoint>) -> Vec<Checkpoint> {
        let (mut passed, mut refused) = (Vec::with_capacity(checkpoints.len()), Vec::new());
        for checkpoint in checkpoints {
            let Checkpoint { partition, epoch, .. } = checkpoint;
            let first = self.unanswered.get(&partition).is_none_or(|unanswered| *unanswered == 0);
            if first && self.is_current(partition, epoch) && self.faults.strikes(Fault::CommitRefused) {
                let retry = CommitError::Retry("a fault of the plan".to_owned());
                refused.push(checkpoint.answer(Err(retry)));
            } else {
                passed.push(checkpoint);
            }
        }
        self.answer(refused);
        passed
    }

    fn answer(&mut self, answers: Vec<CommitAnswer>) {
        if !answers.is_empty() {
            self.own.push_back(SessionEvent::Committed(answers));
            self.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    fn sent(&mut self, checkpoints: &[Checkpoint]) {
        for checkpoint in checkpoints {
            *self.unanswered.entry(checkpoint.partition).or_default() += 1;
        }
    }
}

impl Session for FaultySession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        if self.life == Life::Over {
            return Poll::Pending;
        }
        if let Some(event) = self.next_event(cx) {
            return Poll::Ready(event);
        }
        self.waker = Some(cx.waker().clone());
        let due = self.due();
        if self.timer.poll(cx, due).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        if !self.crashes(Crash::BeforeStart)
            && let Some(inner) = &mut self.inner
        {
            inner.start(partition, epoch, from);
        }
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        if self.is_current(partition, epoch) {
            self.held.flow(partition, flow);
        }
        if let Some(inner) = &mut self.inner {
            inner.flow(partition, epoch, flow);
        }
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        if matches!(self.life, Life::Crashed(_)) {
            let fenced = |checkpoint: &Checkpoint| checkpoint.answer(Err(CommitError::Fenced));
            return self.answer(checkpoints.iter().map(fenced).collect());
        }
        if self.crashes(Crash::BeforeCommit) {
            return;
        }
        let passed = self.refuse_some(checkpoints);
        self.sent(&passed);
        if let Some(inner) = self.inner.as_mut().filter(|_| !passed.is_empty()) {
            inner.commit(passed);
            self.crashes(Crash::AfterCommit);
        }
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        if self.crashes(Crash::BeforeRelease) {
            return;
        }
        self.sent(&last);
        if let Some(inner) = &mut self.inner {
            inner.release(revocation, last);
            self.crashes(Crash::AfterRelease);
        }
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        if self.crashes(Crash::BeforeClose) {
            return;
        }
        if let Some(inner) = &mut self.inner {
            self.life = Life::Closing;
            self.held.clear();
            inner.close(last, deadline);
        } else if let Life::Crashed(heard) = self.life {
            // A user that closes does not wait for the news.
            self.life = Life::Crashed(heard.min(deadline));
        }
    }
}

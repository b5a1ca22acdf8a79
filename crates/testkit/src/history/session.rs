//! Recording a membership.

use std::collections::HashMap;
use std::task::{Context, Poll};

use laneway_domain::invariant::Digest;
use laneway_domain::invariant::{Happening, Link, MemberId, Place};
use laneway_domain::{
    Assignment, Batch, Body, Checkpoint, CommitAnswer, ConnectionChange, Epoch, Flow, Gap, GroupId,
    Monotonic, PartitionId, Resume, RevocationId, Scope, Session, SessionEvent, TopicName,
};

use super::recorder::Recorder;

/// A session whose events are recorded when they are polled, and whose commands when they are given: a commit when it
/// is sent, also inside a release and a close. Dropping it is recorded as the session's end.
pub struct RecordedSession {
    inner: Box<dyn Session>,
    recorder: Recorder,
    member: MemberId,
    group: GroupId,
    topics: Vec<TopicName>,
    seats: HashMap<PartitionId, Seat>,
    revocations: HashMap<RevocationId, Vec<(PartitionId, Epoch)>>,
    ended: bool,
}

struct Seat {
    scope: Scope,
    epoch: Epoch,
}

impl RecordedSession {
    /// Records around `inner`, a membership of `group` for `topics`.
    #[must_use]
    pub fn new(
        inner: Box<dyn Session>,
        recorder: Recorder,
        member: MemberId,
        group: GroupId,
        topics: Vec<TopicName>,
    ) -> Self {
        let (seats, revocations) = (HashMap::new(), HashMap::new());
        Self { inner, recorder, member, group, topics, seats, revocations, ended: false }
    }

    fn heard(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Assigned(all) => all.iter().for_each(|one| self.assigned(one)),
            SessionEvent::Batch(batch) => self.fetched(batch),
            SessionEvent::Gap(gap) => self.gap(gap),
            SessionEvent::Revoking { revocation, partitions, .. } => self.revoking(*revocation, partitions),
            SessionEvent::Lost { partitions } => {
                self.gone(partitions, |member, scope, epoch| Happening::Lost { member, scope, epoch });
            }
            SessionEvent::Committed(answers) => answers.iter().for_each(|answer| self.answered(answer)),
            SessionEvent::Connection(change) => self.recorder.record(match change {
                ConnectionChange::Up => Happening::ConnectionUp { link: Link::Broker },
                ConnectionChange::Down { .. } => Happening::ConnectionDown { link: Link::Broker },
            }),
            SessionEvent::Failed(_) | SessionEvent::Closed => self.end(),
            SessionEvent::Progress { .. } | SessionEvent::MayStart { .. } => {}
        }
    }

    fn assigned(&mut self, assignment: &Assignment) {
        let Assignment { partition, epoch, topic, number, stored, initial } = assignment;
        let (group, topic) = (self.group.clone(), topic.clone());
        let scope = Scope { group, topic, partition: *number };
        self.recorder.record(Happening::Assigned {
            member: self.member,
            scope: scope.clone(),
            epoch: *epoch,
            stored: stored.as_ref().map(|stored| stored.resume),
            initial: *initial,
        });
        self.seats.insert(*partition, Seat { scope, epoch: *epoch });
    }

    fn fetched(&self, batch: &Batch) {
        let Some(seat) = self.seats.get(&batch.partition) else { return };
        let records = batch.rows.as_slice().iter().filter(|row| matches!(row.body, Body::Record(_)));
        self.recorder.record_all(records.map(|row| Happening::Fetched {
            place: Place { scope: seat.scope.clone(), position: row.position },
            digest: Digest::of_body(&row.body),
        }));
    }

    fn gap(&self, gap: &Gap) {
        if let Some(seat) = self.seats.get(&gap.partition) {
            let (from, to) = (gap.from, gap.to);
            self.recorder.record(Happening::GapReported { scope: seat.scope.clone(), from, to });
        }
    }

    fn revoking(&mut self, revocation: RevocationId, partitions: &[(PartitionId, Epoch)]) {
        let member = self.member;
        let scopes = partitions.iter().filter_map(|(partition, epoch)| {
            let scope = self.seats.get(partition)?.scope.clone();
            Some(Happening::Revoking { member, scope, epoch: *epoch })
        });
        self.recorder.record_all(scopes);
        self.revocations.insert(revocation, partitions.to_vec());
    }

    /// Partitions that are no longer ours, in the epoch in which we had them.
    fn gone(
        &mut self,
        partitions: &[(PartitionId, Epoch)],
        happening: impl Fn(MemberId, Scope, Epoch) -> Happening,
    ) {
        for (partition, epoch) in partitions {
            let ours = self.seats.get(partition).is_some_and(|seat| seat.epoch == *epoch);
            let seat = if ours { self.seats.remove(partition) } else { None };
            if let Some(seat) = seat {
                self.recorder.record(happening(self.member, seat.scope, *epoch));
            }
        }
        self.revocations.retain(|_, revoked| !revoked.iter().all(|one| partitions.contains(one)));
    }

    fn answered(&mut self, CommitAnswer { partition, epoch, result, .. }: &CommitAnswer) {
        let seat = self.seats.get(partition).filter(|seat| seat.epoch == *epoch);
        if let (Some(seat), Ok(resume)) = (seat, result) {
            let (scope, resume) = (seat.scope.clone(), *resume);
            self.recorder.record(Happening::CommitStored { scope, resume });
        }
    }

    fn committing(&mut self, checkpoints: &[Checkpoint]) {
        for Checkpoint { partition, epoch, resume, .. } in checkpoints {
            let Some(seat) = self.seats.get(partition) else { continue };
            let (member, scope, epoch, resume) = (self.member, seat.scope.clone(), *epoch, *resume);
            self.recorder.record(Happening::Committed { member, scope, epoch, resume });
        }
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            let (member, group, topics) = (self.member, self.group.clone(), self.topics.clone());
            self.recorder.record(Happening::SessionEnded { member, group, topics });
        }
    }
}

impl Session for RecordedSession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        let polled = self.inner.poll_next(cx);
        if let Poll::Ready(event) = &polled {
            self.heard(event);
        }
        polled
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        self.inner.start(partition, epoch, from);
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        self.inner.flow(partition, epoch, flow);
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.committing(&checkpoints);
        self.inner.commit(checkpoints);
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        // A closed revocation does nothing, so nothing of it is recorded.
        if let Some(partitions) = self.revocations.remove(&revocation) {
            self.committing(&last);
            self.gone(&partitions, |member, scope, epoch| Happening::Released { member, scope, epoch });
        }
        self.inner.release(revocation, last);
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        self.committing(&last);
        self.inner.close(last, deadline);
    }
}

impl Drop for RecordedSession {
    fn drop(&mut self) {
        self.end();
    }
}

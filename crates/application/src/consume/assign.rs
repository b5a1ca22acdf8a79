//! Step two and its reverse: partitions come, are taken away, are lost.

use laneway_domain::{
    Assignment, CommitAnswer, CommitError, ConnectionChange, Epoch, Gap, Monotonic, PartitionId, Resume,
    RevocationId, SessionError,
};
use std::sync::atomic::Ordering::Relaxed;

use super::drains::{Drain, Purpose};
use super::hooks::MissingRange;
use super::r#loop::Loop;
use super::message::Command;
use crate::ledger::Tenure;
use crate::sabotage::{Bug, is_planted};

impl Loop {
    /// Partitions are ours: each begins a tenure where the group's checkpoint says.
    pub(super) fn assigned(&mut self, assignments: Vec<Assignment>) {
        if self.shared.gate.is_stopped() {
            return;
        }
        for assignment in assignments {
            self.supersede(assignment.partition);
            let tenure = self.ledger.assign(&assignment);
            self.count_ahead();
            self.credit.begin(assignment.partition);
            self.open_tenure(tenure, assignment.stored.map(|stored| stored.resume));
        }
        self.changed(0);
        self.count_partitions();
    }

    /// An adapter that assigns a partition which it never took away has lost it in between.
    fn supersede(&mut self, partition: PartitionId) {
        let epoch = self.ledger.epoch(partition);
        if let Some(tenure) = epoch.and_then(|epoch| self.ledger.tenure(partition, epoch)) {
            self.give_up(&[tenure]);
        }
    }

    fn tenures(&self, partitions: &[(PartitionId, Epoch)]) -> Vec<Tenure> {
        partitions.iter().filter_map(|(partition, epoch)| self.ledger.tenure(*partition, *epoch)).collect()
    }

    /// Partitions will go: nothing of them starts any more, what runs may end until `until`.
    pub(super) fn revoking(
        &mut self,
        revocation: RevocationId,
        partitions: &[(PartitionId, Epoch)],
        until: Monotonic,
    ) {
        let tenures = self.tenures(partitions);
        self.drain(&tenures, Purpose::Revocation(revocation), self.before(until));
    }

    /// A little before a deadline, so that what follows the drain is still in time.
    pub(super) fn before(&self, deadline: Monotonic) -> Monotonic {
        let left = deadline.since(self.now);
        self.now + left.saturating_sub((left / 4).min(std::time::Duration::from_millis(500)))
    }

    pub(super) fn drain(&mut self, tenures: &[Tenure], purpose: Purpose, until: Monotonic) {
        let id = self.drains.begin(tenures.to_vec(), purpose, until, self.crew.len());
        self.crew.tell(|| Command::Drain(id, tenures.to_vec()));
    }

    /// Ends drains that are through or out of time: drops what still runs, commits, lets go.
    pub(super) fn finish_drains(&mut self) {
        let deadline = self.closing.unwrap_or(Monotonic::NEVER);
        while let Some(tenures) = self.drains.take_overdue(self.now, deadline) {
            for tenure in &tenures {
                self.burials.forget(*tenure);
                self.lots.give_back(*tenure);
            }
            self.crew.tell(|| Command::Evict(tenures.clone()));
        }
        for tenure in self.drains.quiet() {
            if let Some(lot) = self.lots.lot(tenure) {
                lot.give_back();
            }
        }
        loop {
            let (burials, lots) = (&self.burials, &self.lots);
            let busy = |tenure| burials.is_busy(tenure) || lots.is_busy(tenure);
            let Some(drain) = self.drains.take_finished(self.now, busy) else { return };
            self.finish_drain(drain);
        }
    }

    fn finish_drain(&mut self, drain: Drain) {
        // Whatever the workers reported before they said that they are through is settled already.
        self.settle_waiting_reports();
        let Drain { tenures, purpose, .. } = drain;
        tenures.iter().for_each(|tenure| self.release_tenure(*tenure));
        let last = tenures.iter().filter_map(|tenure| self.end_tenure(*tenure)).collect();
        self.crew.tell(|| Command::Evict(tenures.clone()));
        self.count_partitions();
        match (purpose, self.link.session()) {
            (Purpose::Revocation(revocation), Some(session)) => session.release(revocation, last),
            (Purpose::Shutdown, Some(session)) if !self.left => {
                let deadline = self.closing.unwrap_or(Monotonic::NEVER);
                session.close(last, deadline);
                self.left = true;
            }
            (Purpose::Shutdown, Some(_)) => {}
            (Purpose::Revocation(_), None) => {}
            (Purpose::Shutdown, None) => self.end(None),
        }
    }

    fn end_tenure(&mut self, tenure: Tenure) -> Option<laneway_domain::Checkpoint> {
        let partition = self.ledger.info(tenure)?.partition;
        self.burials.forget(tenure);
        self.lots.end(tenure);
        self.probations.end(tenure);
        self.credit.end(partition);
        self.refusals.remove(&tenure);
        if self.shared.gate.is_stopped() && is_planted(Bug::ShutdownLosesInFlight) {
            self.ledger.book(tenure).into_iter().for_each(crate::ledger::PartitionLedger::settle_all);
        }
        let last = self.ledger.end(tenure, self.state_bytes);
        // What it held may have kept others from reading.
        self.change_flow(partition);
        last
    }

    /// Partitions are gone: commit nothing, finish nothing.
    pub(super) fn lost(&mut self, partitions: &[(PartitionId, Epoch)]) {
        let tenures = self.tenures(partitions);
        self.give_up(&tenures);
    }

    pub(super) fn give_up(&mut self, tenures: &[Tenure]) {
        self.drains.lost(tenures);
        tenures.iter().for_each(|tenure| drop(self.end_tenure(*tenure)));
        self.crew.tell(|| Command::Evict(tenures.to_vec()));
        self.count_partitions();
    }

    /// The session is gone, and with it everything it assigned.
    pub(super) fn failed(&mut self, error: SessionError) {
        let all: Vec<Tenure> = self.ledger.tenures().collect();
        self.give_up(&all);
        if error.reopen && !self.shared.gate.is_stopped() {
            self.condition.down(&error.reason);
        } else {
            self.end(Some(error.reason));
        }
    }

    /// The tenure of a partition that is read. While it drains, batches are not opened any more, so nothing that comes
    /// behind them may move the point up to which it counts as read: its next owner reads all of it again.
    fn reading(&self, partition: PartitionId, epoch: Epoch) -> Option<Tenure> {
        self.ledger.tenure(partition, epoch).filter(|tenure| !self.drains.covers(*tenure))
    }

    /// Reading passed positions that hold nothing for us.
    pub(super) fn progressed(&mut self, partition: PartitionId, epoch: Epoch, upto: Resume) {
        let Some(tenure) = self.reading(partition, epoch) else { return };
        if let Some(book) = self.ledger.book(tenure) {
            book.progress(upto);
            self.changed(0);
        }
    }

    /// The broker deleted events before they were read: said, never skipped in silence.
    pub(super) fn gap(&mut self, gap: &Gap) {
        let Some(tenure) = self.reading(gap.partition, gap.epoch) else { return };
        let Some(info) = self.ledger.info(tenure).cloned() else { return };
        let range = MissingRange {
            topic: info.topic,
            partition: info.number,
            from: gap.from,
            to: gap.to,
            cause: gap.cause,
        };
        tracing::error!(topic = %range.topic, partition = %range.partition, from = ?range.from, to = ?range.to,
            cause = ?range.cause, "events were deleted before they were read");
        self.shared.counters.gaps.fetch_add(1, Relaxed);
        self.shared.hooks.gap(&range);
        self.condition.gap();
        self.progressed(gap.partition, gap.epoch, gap.to);
    }

    /// The broker answered commits.
    pub(super) fn committed(&mut self, answers: Vec<CommitAnswer>) {
        for CommitAnswer { partition, epoch, number, result } in answers {
            let Some(tenure) = self.ledger.tenure(partition, epoch) else { continue };
            self.ledger.book(tenure).into_iter().for_each(|book| book.answered(number, result.is_ok()));
            match result {
                Ok(resume) => {
                    self.refusals.remove(&tenure);
                    self.lots.committed(tenure, resume);
                    self.shared.counters.commits.fetch_add(1, Relaxed);
                    self.mark_stored(tenure, number);
                }
                Err(CommitError::Fenced) => self.give_up(&[tenure]),
                Err(error) => {
                    tracing::warn!(%error, "a commit was not stored");
                    self.refusals.insert(tenure, error.to_string());
                    self.changed(0);
                }
            }
        }
    }

    /// The session renewed the permission to start.
    pub(super) fn may_start(&mut self, until: Monotonic) {
        let before = self.shared.gate.allow(until);
        // The clock is read after the swap: a worker that looked in between has seen the new permission.
        if before <= self.shared.clock.monotonic() {
            self.crew.tell(|| Command::Nudge);
        }
    }

    pub(super) fn connection(&mut self, change: &ConnectionChange) {
        match change {
            ConnectionChange::Up => self.condition.reopened(),
            ConnectionChange::Down { reason } => self.condition.down(reason),
        }
        self.shared.hooks.connection(change);
    }

    fn count_partitions(&self) {
        self.shared.counters.partitions.store(self.ledger.tenures().count(), Relaxed);
    }
}

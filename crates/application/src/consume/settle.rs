//! Steps five and six: what workers report is settled, and when the watermark has moved it is committed.

use std::sync::atomic::Ordering::Relaxed;

use laneway_domain::{AfterDeadLetter, Flow, PartitionId};

use super::r#loop::Loop;
use super::message::{Command, Dead, Report};
use crate::dead_letter::Buried;
use crate::ledger::{Settled, Slot, Tenure};
use crate::sabotage::{Bug, is_planted};

impl Loop {
    /// Settles what the workers reported.
    pub(super) fn settle_reports(&mut self) {
        let mut inbox = std::mem::take(&mut self.inbox);
        for report in inbox.drain(..) {
            self.settle(report);
        }
        self.inbox = inbox;
        self.credit.lanes(self.shared.counters.lanes());
        // A limit of all partitions may have been passed or left, whichever of them changed.
        self.change_flow(PartitionId(0));
    }

    /// Tells what is open: after every input, since burials and lost partitions change it as well.
    pub(super) fn count_open(&self) {
        let (events, bytes) = self.credit.open();
        self.shared.counters.open.store(events, Relaxed);
        self.shared.counters.open_bytes.store(bytes, Relaxed);
        self.shared.counters.held_back.store(self.credit.closed(), Relaxed);
        self.shared.counters.bell.ring();
    }

    /// Settles what has arrived and was not looked at yet.
    pub(super) fn settle_waiting_reports(&mut self) {
        while let Ok(report) = self.crew.reports().try_recv() {
            self.inbox.push(report);
        }
        self.settle_reports();
    }

    fn settle(&mut self, report: Report) {
        match report {
            Report::Done { tenure, slots, bytes } => self.done(tenure, &slots, bytes),
            Report::Failed { tenure, slot, attempts } => self.retrying(tenure, slot, attempts),
            Report::Dead(dead) => self.dead(dead),
            Report::Full { tenure, full } => self.lane_full(tenure, full),
            Report::Park { tenure, arrival } => self.park(tenure, *arrival),
            Report::Passed { tenure, slot, bytes } => self.passed(tenure, slot, bytes),
            Report::Resolved { tenure, key, position, resolution } => {
                self.resolved(tenure, key, position, resolution);
            }
            Report::PageDone { tenure, key } => {
                self.lots.lot(tenure).into_iter().for_each(|lot| lot.page_done(&key))
            }
            Report::Opened { tenure, key } => {
                self.lots.lot(tenure).into_iter().for_each(|lot| lot.opened(&key))
            }
            Report::Elsewhere { tenure, key } => {
                let now = self.now;
                self.lots.lot(tenure).into_iter().for_each(|lot| lot.later(&key, now));
            }
            Report::Missed { tenure, position } => {
                self.lots.lot(tenure).into_iter().for_each(|lot| lot.missed(position))
            }
            Report::Plea(plea) => self.pleaded(plea),
            // The lanes are counted after every report.
            Report::Fewer => {}
            Report::Drained(id) => self.drains.drained(id),
            Report::Tried { answered, failed } => self.tried(answered, failed),
            Report::Probed(probe) => self.probed(probe),
        }
    }

    fn done(&mut self, tenure: Tenure, slots: &[Slot], bytes: usize) {
        let Some(partition) = self.ledger.info(tenure).map(|info| info.partition) else { return };
        let Some(book) = self.ledger.book(tenure) else { return };
        let settled = slots.iter().filter(|slot| book.settle(**slot) != Settled::Stale).count();
        debug_assert_eq!(settled, slots.len(), "an event was settled twice");
        self.shared.counters.handled.fetch_add(settled as u64, Relaxed);
        self.credit.settled(partition, settled, bytes);
        self.changed(settled);
        self.change_flow(partition);
        self.tried(settled, 0);
    }

    fn retrying(&mut self, tenure: Tenure, slot: Slot, attempts: u32) {
        self.shared.counters.retries.fetch_add(1, Relaxed);
        if let Some(book) = self.ledger.book(tenure) {
            book.failed(slot, attempts);
            self.changed(0);
        }
    }

    fn dead(&mut self, dead: Box<Dead>) {
        if self.ledger.info(dead.tenure).is_none() {
            // The next owner decides about it.
            return;
        }
        if is_planted(Bug::DeadLetterAfterCommit) {
            self.terminal(&dead);
            self.commit();
        }
        self.burials.begin(dead);
    }

    fn lane_full(&mut self, tenure: Tenure, full: bool) {
        if let Some(partition) = self.ledger.info(tenure).map(|info| info.partition) {
            self.credit.lane_full(partition, full);
            self.change_flow(partition);
        }
    }

    /// The dead-letter store answered: with the entry in it the ledger may settle, without it everything waits.
    pub(super) fn on_buried(&mut self, buried: Buried) {
        match &buried.result {
            Ok(()) => self.buried(&buried.dead),
            Err(error) => {
                tracing::error!(letter = ?buried.dead.letter.id, %error, "the dead-letter store refuses; the lane waits");
                self.shared.hooks.store_refused(error);
                self.burials.again(buried);
            }
        }
    }

    fn buried(&mut self, dead: &Dead) {
        self.burials.finished(dead);
        if let Some(lot) = self.lots.lot(dead.tenure).filter(|_| !dead.slot.is_open()) {
            lot.buried(dead.letter.id.position);
        }
        self.shared.counters.dead_letters.fetch_add(1, Relaxed);
        let blocks = self.shared.after_dead_letter == AfterDeadLetter::Block;
        // What could be parked was: an event without an aggregate has nothing behind it.
        let after = if blocks { AfterDeadLetter::Block } else { AfterDeadLetter::Skip };
        self.crew.send(dead.worker, Command::Buried(dead.lane, after));
        if !blocks {
            self.terminal(dead);
        }
    }

    fn terminal(&mut self, dead: &Dead) {
        let Some(partition) = self.ledger.info(dead.tenure).map(|info| info.partition) else { return };
        self.probations.terminal(dead.tenure, dead.letter.id.position);
        if self.ledger.settle(dead.tenure, dead.slot) != Settled::Stale {
            self.credit.settled(partition, 1, dead.bytes);
            self.changed(1);
            self.change_flow(partition);
        }
    }

    /// Tells the session which partitions hold back, and which no longer do.
    pub(super) fn change_flow(&mut self, partition: PartitionId) {
        self.credit.step(partition, &mut self.flows);
        for (partition, flow) in self.flows.drain(..) {
            set_flow(&mut self.ledger, &mut self.link, partition, flow);
        }
    }

    /// The same for all, where their limits changed.
    pub(super) fn change_flows(&mut self) {
        self.credit.step_all(&mut self.flows);
        for (partition, flow) in self.flows.drain(..) {
            set_flow(&mut self.ledger, &mut self.link, partition, flow);
        }
    }

    /// Notes that there is something to commit.
    pub(super) fn changed(&mut self, finished: usize) {
        let (open, _) = self.credit.open();
        self.commits.changed(finished, open, self.now);
    }

    /// Commits every partition in which something changed.
    pub(super) fn commit(&mut self) {
        let checkpoints = self.ledger.checkpoints(self.state_bytes);
        if let Some(session) = self.link.session().filter(|_| !checkpoints.is_empty()) {
            session.commit(checkpoints);
        }
    }
}

fn set_flow(
    ledger: &mut crate::ledger::Ledger,
    link: &mut super::link::Link,
    partition: PartitionId,
    flow: Flow,
) {
    if let (Some(epoch), Some(session)) = (ledger.epoch(partition), link.session()) {
        session.flow(partition, epoch, flow);
    }
}

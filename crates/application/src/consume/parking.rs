//! What the loop does for what waits in the dead-letter store.

use std::sync::atomic::Ordering::Relaxed;

use laneway_domain::{
    AggregateKey, Monotonic, ParkState, ParkedAggregate, Position, Resolution, Resume, Scope, SessionError,
    StoreFault, Timestamp,
};

use super::r#loop::Loop;
use super::message::{Command, Redrive};
use super::run::{KeyRef, Run};
use crate::ledger::{Settled, Tenure};
use crate::parking::{Arrival, Deed, Feed, Stored};
use crate::sabotage::{Bug, is_planted};

impl Loop {
    fn instant(&self) -> (Monotonic, Timestamp) {
        (self.now, self.shared.clock.wall())
    }

    /// Begins to read a partition, or first claims what is parked in it.
    pub(super) fn claim_or_start(&mut self, tenure: Tenure, stands: Option<Resume>) {
        let Some(info) = self.ledger.info(tenure) else { return };
        if !self.lots.are_awake() {
            return self.start(tenure);
        }
        let (group, topic) = (self.shared.group.clone(), info.topic.clone());
        let scope = Scope { group, topic, partition: info.number };
        self.lots.begin(tenure, scope, stands, self.now);
    }

    fn start(&mut self, tenure: Tenure) {
        let Some((partition, epoch)) = self.ledger.info(tenure).map(|info| (info.partition, info.epoch))
        else {
            return;
        };
        let Some(from) = self.ledger.book(tenure).map(|book| book.read()) else { return };
        if let Some(session) = self.link.session().filter(|_| !self.drains.covers(tenure)) {
            session.start(partition, epoch, from);
        }
    }

    /// The dead-letter store answered.
    pub(super) fn on_stored(&mut self, stored: Stored) {
        match stored {
            Stored::Call { tenure, call, result } => {
                let now = self.instant();
                let (deeds, error) = self.lots.answered(tenure, *call, result, now);
                if let Some(error) = error {
                    tracing::error!(%error, "the dead-letter store refuses; its partition waits");
                    self.shared.hooks.store_refused(&error);
                }
                deeds.into_iter().for_each(|deed| self.perform(tenure, deed));
            }
            Stored::Wishes(claims, Err(error)) if error.fault() == StoreFault::Fenced => {
                let tenures = self.lots.holding(&claims);
                self.lots.wished(Vec::new(), self.now);
                self.fenced(&tenures);
            }
            Stored::Wishes(_, Ok(wishes)) => self.lots.wished(wishes, self.now),
            Stored::Wishes(_, Err(error)) => {
                tracing::warn!(%error, "the dead-letter store does not say what operators want");
                self.lots.wished(Vec::new(), self.now);
            }
        }
    }

    fn perform(&mut self, tenure: Tenure, deed: Deed) {
        match deed {
            Deed::Start(known) => {
                self.tell_parked(tenure, known);
                self.start(tenure);
            }
            Deed::Settle(arrivals) => self.settle_parked(tenure, &arrivals),
            Deed::Feed(feed) => self.feed(tenure, feed),
            Deed::Fenced => self.fenced(&[tenure]),
        }
    }

    /// Somebody else has claimed a partition that the broker gave us: a newer owner, or an older one whose claim came
    /// late. Who of both is the owner, only the broker knows: it is asked by joining anew.
    fn fenced(&mut self, tenures: &[Tenure]) {
        if tenures.is_empty() || self.shared.gate.is_stopped() {
            return self.give_up(tenures);
        }
        let reason = "somebody else has claimed what is parked of a partition".to_owned();
        let error = SessionError { reopen: true, reason };
        self.link.reopen(&error);
        self.failed(error);
    }

    /// Tells the workers what is parked, before the partition's first event comes.
    fn tell_parked(&mut self, tenure: Tenure, known: Vec<ParkedAggregate>) {
        let Some(info) = self.ledger.info(tenure).cloned() else { return };
        for parked in known.into_iter().filter(|parked| parked.waits.is_some()) {
            let hash = self.shared.hash(KeyRef::of(&parked.key));
            let last = if is_planted(Bug::RedeliveredParksAgain) { Position::new(0) } else { parked.last };
            let run = Run::marker(tenure, (&info.topic, info.number), parked.key, hash, last);
            self.crew.send(self.crew.of(hash), Command::Parked(Box::new(run)));
        }
    }

    fn settle_parked(&mut self, tenure: Tenure, arrivals: &[Arrival]) {
        let Some(partition) = self.ledger.info(tenure).map(|info| info.partition) else { return };
        for arrival in arrivals {
            let dead = matches!(arrival.entry.state, ParkState::Dead(_));
            let counter =
                if dead { &self.shared.counters.dead_letters } else { &self.shared.counters.parked };
            counter.fetch_add(1, Relaxed);
            self.probations.terminal(tenure, arrival.entry.event.position);
            if self.ledger.settle(tenure, arrival.slot) != Settled::Stale {
                self.credit.settled(partition, 1, arrival.bytes);
                self.changed(1);
            }
        }
        self.change_flow(partition);
    }

    fn feed(&mut self, tenure: Tenure, feed: Feed) {
        let Some(info) = self.ledger.info(tenure).cloned().filter(|_| !self.drains.covers(tenure)) else {
            // The next owner finds the entries where they are.
            return;
        };
        self.suspect(tenure, &feed.suspected);
        let Feed { key, entries, upto, loose, .. } = feed;
        let lane = key.map(|key| {
            let hash = self.shared.hash(KeyRef::of(&key));
            (key, hash)
        });
        let worker = lane.as_ref().map_or(0, |(_, hash)| self.crew.of(*hash));
        let run = Run::of_entries(tenure, (&info.topic, info.number), lane, entries, loose);
        self.crew.send(worker, Command::Redrive(Box::new(Redrive { run, upto, loose })));
    }

    /// An event goes into the store.
    pub(super) fn park(&mut self, tenure: Tenure, arrival: Arrival) {
        if is_planted(Bug::SettledBeforeParked) {
            self.settle_parked(tenure, std::slice::from_ref(&arrival));
            self.commit();
        }
        // One whose tenure is over is the next owner's.
        if let Some(lot) = self.lots.lot(tenure) {
            lot.park(arrival);
        }
    }

    /// Events are in the store already: their positions are settled.
    pub(super) fn passed(&mut self, tenure: Tenure, slot: crate::ledger::Slot, bytes: usize) {
        let Some(partition) = self.ledger.info(tenure).map(|info| info.partition) else { return };
        if self.ledger.settle(tenure, slot) != Settled::Stale {
            self.credit.settled(partition, 1, bytes);
            self.changed(1);
            self.change_flow(partition);
        }
    }

    /// An event that came back from the store was handled, or goes on waiting.
    pub(super) fn resolved(
        &mut self,
        tenure: Tenure,
        key: Option<AggregateKey>,
        position: Position,
        resolution: Resolution,
    ) {
        let now = self.instant();
        self.probations.terminal(tenure, position);
        if resolution == Resolution::Handled {
            self.shared.counters.redriven.fetch_add(1, Relaxed);
        }
        if let Some(lot) = self.lots.lot(tenure) {
            lot.resolved(key, position, resolution, now);
        }
    }
}

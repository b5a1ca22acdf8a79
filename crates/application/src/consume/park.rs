//! What a worker does with aggregates that wait in the dead-letter store.
//!
//! A dead head parks its lane: the head goes to the store, what queued behind it follows in order, and so does what arrives
//! later. A marker stands for the lane's events. Entries come back in pages, through the same lane, with a new marker
//! behind them; where that one reaches the head, the lane rests until the store knows what became of them. Behind the last
//! page what arrives queues in memory again. A page without entries opens the lane: it has nothing left in the store.

use std::time::Duration;

use laneway_domain::{Begun, Death, ParkEntry, ParkState, Position, Resolution};

use super::message::{Redrive, Report};
use super::run::{Entry, KeyRef, Run};
use super::trouble::Trouble;
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Ticket};
use crate::ledger::{Slot, Tenure};
use crate::parking::Arrival;
use crate::sabotage::stored;

/// A parked lane.
#[derive(Debug)]
pub(super) struct Parked {
    /// Whose scope it waits in.
    tenure: Tenure,
    /// The last position that went to the store.
    last: Position,
    /// Where it rests; other markers in its lane are of former pages, and mean nothing.
    marker: Ticket,
    /// Whether a page is in the lane, before the marker.
    at_work: bool,
    /// Whether that is the last page: then nothing more goes to the store.
    closing: bool,
    /// Events of other partitions, which a router sent into this lane, and markers where they are parked as well: they
    /// wait until the lane opens, since the store has one order a partition.
    aside: Vec<Ticket>,
}

impl Parked {
    const fn new(tenure: Tenure, last: Position, marker: Ticket) -> Self {
        Self { tenure, last, marker, at_work: false, closing: false, aside: Vec::new() }
    }
}

impl<C, F> Worker<C, F>
where
    C: Fn(laneway_domain::Event, u32, laneway_domain::HandlerMask) -> F,
    F: Future<Output = Result<(), laneway_domain::HandlerError>>,
{
    /// Whether the head of a lane can go to the store.
    pub(super) fn parks(&self, ticket: Ticket) -> bool {
        let of_a_lane = self.shared.parks && self.runs.key(ticket).is_some();
        let slot = self.runs.entry(ticket).slot;
        of_a_lane && slot != Slot::LOOSE && !(slot.is_open() && self.runs_apart(ticket))
    }

    /// An aggregate was parked before its partition came.
    pub(super) fn learn_parked(&mut self, run: Run) {
        let marker = self.take_marker(run);
        self.rest_behind(marker);
    }

    /// Parks the lane of a marker from where its queue ends.
    fn rest_behind(&mut self, marker: Ticket) {
        let (tenure, last) = (self.runs.tenure(marker.run), self.runs.received(marker).position);
        let (lanes, runs) = (&mut self.lanes, &self.runs);
        let Some(hash) = runs.entry(marker).hash else { return };
        let key = runs.key(marker);
        let known = lanes.lane_of(hash.get(), |other| runs.key(other) == key);
        if let Some((lane, parked)) = known.and_then(|lane| Some((lane, self.parked.get_mut(&lane)?))) {
            // What arrives from now on must not queue ahead of it.
            lanes.repark(lane);
            return parked.aside.push(marker);
        }
        let tenant = key.and_then(|key| key.tenant);
        let lane = lanes.admit_parked(hash.get(), tenant, marker, |other| runs.key(other) == key);
        self.parked.insert(lane, Parked::new(tenure, last, marker));
    }

    fn take_marker(&mut self, run: Run) -> Ticket {
        let (run, _) = self.runs.take(run, self.now);
        Ticket { run, row: 0 }
    }

    /// Parks a lane behind its head, which waits in the store for this reason.
    pub(super) fn park(&mut self, lane: LaneId, head: Ticket, state: ParkState) {
        let key = self.runs.key(head).and_then(KeyRef::to_owned);
        let (Some(key), Some(hash)) = (key, self.runs.entry(head).hash) else { return };
        let tenure = self.runs.tenure(head.run);
        let last = self.runs.received(head).position;
        let marker = self.take_marker(Run::marker(tenure, self.runs.topic(head), key, hash, last));
        self.put(head, state);
        self.troubles.forget(lane);
        if let Some(tenure) = self.filled.remove(&lane) {
            self.send(Report::Full { tenure, full: false });
        }
        let before = self.parked.remove(&lane);
        let (lane, behind) = self.lanes.park(lane, marker);
        let mut parked = Parked::new(tenure, last, marker);
        let waited = before.map(|before| self.makes_way(&mut parked, before)).unwrap_or_default();
        behind.into_iter().for_each(|ticket| self.goes_behind(&mut parked, ticket));
        for ticket in waited {
            match self.runs.entry(ticket).slot {
                Slot::MARKER => parked.aside.push(ticket),
                _ => self.goes_behind(&mut parked, ticket),
            }
        }
        self.parked.insert(lane, parked);
    }

    /// A lane that was parked is parked anew; what waited beside it. Where that was for another partition, its turn comes
    /// when this one is open.
    fn makes_way(&mut self, parked: &mut Parked, before: Parked) -> Vec<Ticket> {
        let Parked { tenure, last, marker, at_work, aside, .. } = before;
        if tenure == parked.tenure {
            parked.last = parked.last.max(last);
            return aside;
        }
        let (key, hash) = (self.runs.key(marker).and_then(KeyRef::to_owned), self.runs.entry(marker).hash);
        if let (Some(key), Some(hash)) = (key, hash) {
            let marker = Run::marker(tenure, self.runs.topic(marker), key.clone(), hash, last);
            parked.aside.push(self.take_marker(marker));
            if at_work {
                self.send(Report::Elsewhere { tenure, key });
            }
        }
        aside
    }

    /// An event is behind a parked head: to the store, unless it is there or the store is not its own.
    fn goes_behind(&mut self, parked: &mut Parked, ticket: Ticket) {
        let Entry { slot, bytes, .. } = self.runs.entry(ticket);
        let (tenure, position) = (self.runs.tenure(ticket.run), self.runs.received(ticket).position);
        if slot == Slot::PARKED || slot == Slot::MARKER {
            // It is in the store still.
            self.runs.release(ticket);
        } else if tenure != parked.tenure || slot == Slot::LOOSE || parked.closing {
            parked.aside.push(ticket);
        } else if position <= parked.last {
            self.send(Report::Passed { tenure, slot, bytes: bytes as usize });
            self.runs.release(ticket);
        } else {
            parked.last = position;
            self.put(ticket, ParkState::Follower);
        }
    }

    /// Sends an event to the store, or says why it stays there.
    fn put(&mut self, ticket: Ticket, state: ParkState) {
        let Entry { slot, bytes, .. } = self.runs.entry(ticket);
        let tenure = self.runs.tenure(ticket.run);
        let key = self.runs.key(ticket).and_then(KeyRef::to_owned);
        let mut event = self.runs.received(ticket).clone();
        if slot.is_open() {
            event.body = stored(self.runs.original(ticket).clone());
            let entry = ParkEntry { key, event, state, begun: Begun::default() };
            let arrival = Arrival { slot, bytes: bytes as usize, entry };
            self.send(Report::Park { tenure, arrival: Box::new(arrival) });
        } else {
            let resolution = Resolution::Stays(state);
            self.send(Report::Resolved { tenure, key, position: event.position, resolution });
        }
        self.runs.release(ticket);
    }

    /// An event arrived for a parked lane.
    pub(super) fn behind_parked(&mut self, lane: LaneId, ticket: Ticket) {
        let Some(mut parked) = self.parked.remove(&lane) else {
            // What parked it is gone with its tenure.
            self.lanes.unpark(lane);
            return self.admit_ticket(ticket);
        };
        self.goes_behind(&mut parked, ticket);
        self.parked.insert(lane, parked);
    }

    /// Entries come back from the store.
    pub(super) fn redrive(&mut self, redrive: Redrive) {
        let Redrive { run, upto, loose } = redrive;
        if loose {
            return self.admit(run);
        }
        let tenure = run.tenure;
        let (marker, entries) = self.take_page(run);
        let runs = &self.runs;
        let wanted = runs.key(marker);
        let (Some(hash), Some(key)) = (runs.entry(marker).hash, wanted.and_then(KeyRef::to_owned)) else {
            return;
        };
        let lane = self.lanes.lane_of(hash.get(), |other| runs.key(other) == wanted);
        let known = lane.and_then(|lane| Some((lane, self.parked.get_mut(&lane)?)));
        let Some((lane, parked)) = known.filter(|(_, parked)| parked.tenure == tenure) else {
            // Another partition's entries are before it, or its tenure is over.
            entries.into_iter().chain([marker]).for_each(|ticket| self.runs.release(ticket));
            return self.send(Report::Elsewhere { tenure, key });
        };
        let nothing_behind = upto.is_some_and(|upto| parked.last <= upto);
        if !entries.is_empty() {
            return self.put_back(lane, marker, entries, nothing_behind);
        }
        self.runs.release(marker);
        if nothing_behind {
            self.open(lane);
            self.send(Report::Opened { tenure, key });
        } else {
            self.send(Report::PageDone { tenure, key });
        }
    }

    /// The entries of a page, and the marker behind them.
    fn take_page(&mut self, run: Run) -> (Ticket, Vec<Ticket>) {
        let (run, rows) = self.runs.take(run, self.now);
        let mut tickets: Vec<Ticket> = (0..rows).map(|row| Ticket { run, row }).collect();
        let marker = tickets.pop().unwrap_or(Ticket { run, row: 0 });
        (marker, tickets)
    }

    /// Puts entries into their lane, and a marker behind them. With the last page what arrives queues behind that, or
    /// behind what waits aside.
    fn put_back(&mut self, lane: LaneId, marker: Ticket, entries: Vec<Ticket>, is_last: bool) {
        entries.into_iter().chain([marker]).for_each(|ticket| self.lanes.feed(lane, ticket));
        if let Some(parked) = self.parked.get_mut(&lane) {
            (parked.marker, parked.at_work, parked.closing) = (marker, true, is_last);
            if is_last && parked.aside.is_empty() {
                self.lanes.unpark(lane);
            }
        }
        self.wake(lane);
    }

    /// What is behind the marker at which a lane rests may start.
    fn wake(&mut self, lane: LaneId) {
        if self.lanes.phase(lane) == Some(Phase::Parked)
            && let Some(marker) = self.lanes.head(lane)
        {
            self.advance(lane, marker);
        }
    }

    /// A lane has nothing left in the store: what arrives queues, behind what arrived until now.
    fn open(&mut self, lane: LaneId) {
        let parked = self.parked.remove(&lane);
        self.lanes.unpark(lane);
        self.wake(lane);
        let Some(Parked { tenure, aside, .. }) = parked else { return };
        for ticket in aside {
            if self.runs.entry(ticket).slot == Slot::LOOSE && self.runs.tenure(ticket.run) == tenure {
                self.missed(tenure, ticket);
            } else {
                self.readmit(ticket);
            }
        }
    }

    /// A letter waited beside its lane while that was parked: its event may have been redelivered, gone to the store with
    /// the others, and been handled since.
    fn missed(&mut self, tenure: Tenure, ticket: Ticket) {
        self.send(Report::Missed { tenure, position: self.runs.received(ticket).position });
        self.runs.release(ticket);
    }

    /// What waited beside a parked lane comes as if it had just arrived.
    fn readmit(&mut self, ticket: Ticket) {
        if self.runs.entry(ticket).slot == Slot::MARKER {
            self.rest_behind(ticket);
        } else {
            self.admit_ticket(ticket);
        }
    }

    /// Whether the head that is to start is a marker. The lane rests there until the store has said what comes next.
    pub(super) fn is_marker(&mut self, lane: LaneId, ticket: Ticket) -> bool {
        if self.runs.entry(ticket).slot != Slot::MARKER {
            return false;
        }
        match self.parked.get_mut(&lane).filter(|parked| parked.marker == ticket) {
            Some(parked) => {
                let at_work = std::mem::take(&mut parked.at_work);
                self.lanes.rest(lane);
                if at_work && let Some(key) = self.runs.key(ticket).and_then(KeyRef::to_owned) {
                    self.send(Report::PageDone { tenure: self.runs.tenure(ticket.run), key });
                }
            }
            None => self.advance(lane, ticket),
        }
        true
    }

    /// An event that came back from the store is handled.
    pub(super) fn redriven(&mut self, ticket: Ticket) {
        let (tenure, position) = (self.runs.tenure(ticket.run), self.runs.received(ticket).position);
        let closes = self.runs.entry(ticket).slot != Slot::LOOSE;
        let key = self.runs.key(ticket).filter(|_| closes).and_then(KeyRef::to_owned);
        self.send(Report::Resolved { tenure, key, position, resolution: Resolution::Handled });
    }

    /// An event that came back from the store and closes no lane has died again: it stays there.
    pub(super) fn dies_again(&mut self, lane: LaneId, ticket: Ticket, death: Death) {
        let tenure = self.runs.tenure(ticket.run);
        let position = self.runs.received(ticket).position;
        let resolution = Resolution::Stays(ParkState::Dead(Box::new(death)));
        self.send(Report::Resolved { tenure, key: None, position, resolution });
        self.advance(lane, ticket);
    }

    /// The head of a lane waits longer than it may in memory: the lane goes to the store, head first.
    pub(super) fn park_waiting(&mut self, lane: LaneId, head: Ticket, trouble: Trouble, wait: Duration) {
        let due = self.shared.clock.wall() + wait;
        self.park(lane, head, ParkState::Backoff { due, attempts: trouble.attempts, handlers: trouble.due });
    }

    /// Lanes have other names than before.
    pub(super) fn rename(&mut self, renamed: &[(LaneId, LaneId)]) {
        for (before, now) in renamed {
            self.parked.remove(before).and_then(|parked| self.parked.insert(*now, parked));
            self.filled.remove(before).and_then(|tenure| self.filled.insert(*now, tenure));
        }
    }

    /// Tenures are over: what waited beside their parked lanes goes on.
    pub(super) fn forget_parked(&mut self, tenures: &[Tenure]) {
        if self.parked.is_empty() {
            return;
        }
        let runs = &mut self.runs;
        for parked in self.parked.values_mut() {
            let gone = parked.aside.extract_if(.., |ticket| tenures.contains(&runs.tenure(ticket.run)));
            let gone: Vec<_> = gone.collect();
            gone.into_iter().for_each(|ticket| runs.release(ticket));
        }
        let over = |parked: &Parked| tenures.contains(&parked.tenure);
        let gone: Vec<_> = self.parked.extract_if(|_, parked| over(parked)).collect();
        for (lane, _) in &gone {
            self.lanes.unpark(*lane);
        }
        gone.into_iter().flat_map(|(_, parked)| parked.aside).for_each(|ticket| self.readmit(ticket));
    }
}

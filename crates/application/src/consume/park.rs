//! What a worker does with aggregates that wait in the dead-letter store.
//!
//! A dead head parks its lane: the head goes to the store, what queued behind it follows in order, and so does what arrives
//! later. Entries come back in pages, through the same lane. With the last page what arrives queues in memory again, behind
//! it, and when the page is through the lane is an ordinary one.

use std::time::Duration;

use laneway_domain::{Death, ParkEntry, ParkState, Position, Resolution};

use super::message::{Redrive, Report};
use super::run::{Entry, KeyRef, Run};
use super::trouble::Trouble;
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Ticket};
use crate::ledger::{Slot, Tenure};
use crate::parking::Arrival;

/// A parked lane.
#[derive(Debug)]
pub(super) struct Parked {
    /// Whose scope it waits in.
    tenure: Tenure,
    /// The last position that went to the store.
    last: Position,
    /// Events of other partitions, which a router sent into this lane: they wait here, since the store has one order a
    /// partition.
    aside: Vec<Ticket>,
}

impl<C, F> Worker<C, F>
where
    C: Fn(laneway_domain::Event, u32, laneway_domain::HandlerMask) -> F,
    F: Future<Output = Result<(), laneway_domain::HandlerError>>,
{
    /// Whether the head of a lane can go to the store.
    pub(super) fn parks(&self, ticket: Ticket) -> bool {
        let of_a_lane = self.shared.parks && self.runs.key(ticket).is_some();
        of_a_lane && self.runs.entry(ticket).slot != Slot::LOOSE
    }

    /// An aggregate was parked before its partition came.
    pub(super) fn learn_parked(&mut self, run: Run) {
        let tenure = run.tenure;
        let ticket = self.take_marker(run);
        let last = self.runs.received(ticket).position;
        let (lanes, runs) = (&mut self.lanes, &self.runs);
        let Some(hash) = runs.entry(ticket).hash else { return };
        let key = runs.key(ticket);
        let lane = lanes.admit_parked(hash.get(), ticket, |other| runs.key(other) == key);
        self.parked.insert(lane, Parked { tenure, last, aside: Vec::new() });
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
        let mut last = self.runs.received(head).position;
        let marker = self.take_marker(Run::marker(tenure, self.runs.topic(head), key, hash, last));
        self.put(head, state);
        self.troubles.forget(lane);
        let mut aside = Vec::new();
        for ticket in self.lanes.park(lane, marker) {
            if self.runs.tenure(ticket.run) != tenure {
                aside.push(ticket);
                continue;
            }
            last = last.max(self.runs.received(ticket).position);
            if self.runs.entry(ticket).slot.is_open() {
                self.put(ticket, ParkState::Follower);
            } else {
                // It is in the store still.
                self.runs.release(ticket);
            }
        }
        if let Some(tenure) = self.filled.remove(&lane) {
            self.send(Report::Full { tenure, full: false });
        }
        let parked = self.parked.entry(lane).or_insert(Parked { tenure, last, aside: Vec::new() });
        parked.last = parked.last.max(last);
        parked.aside.extend(aside);
    }

    /// Sends an event to the store, or says why it stays there.
    fn put(&mut self, ticket: Ticket, state: ParkState) {
        let Entry { slot, bytes, .. } = self.runs.entry(ticket);
        let tenure = self.runs.tenure(ticket.run);
        let key = self.runs.key(ticket).and_then(KeyRef::to_owned);
        let mut event = self.runs.received(ticket).clone();
        if slot.is_open() {
            event.body = self.runs.original(ticket).clone();
            let arrival = Arrival { slot, bytes: bytes as usize, entry: ParkEntry { key, event, state } };
            self.send(Report::Park { tenure, arrival: Box::new(arrival) });
        } else {
            let resolution = Resolution::Stays(state);
            self.send(Report::Resolved { tenure, key, position: event.position, resolution });
        }
        self.runs.release(ticket);
    }

    /// An event arrived for a parked lane: to the store, unless it is there.
    pub(super) fn behind_parked(&mut self, lane: LaneId, ticket: Ticket) {
        let Some(parked) = self.parked.get_mut(&lane) else {
            self.lanes.unpark(lane);
            return self.lanes.feed(lane, ticket);
        };
        let (tenure, position) = (self.runs.tenure(ticket.run), self.runs.received(ticket).position);
        if tenure != parked.tenure {
            parked.aside.push(ticket);
        } else if position <= parked.last {
            let Entry { slot, bytes, .. } = self.runs.entry(ticket);
            self.send(Report::Passed { tenure, slot, bytes: bytes as usize });
            self.runs.release(ticket);
        } else {
            parked.last = position;
            self.put(ticket, ParkState::Follower);
        }
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
        let known = lane.and_then(|lane| Some((lane, self.parked.get(&lane)?)));
        let Some((lane, parked)) = known.filter(|(_, parked)| parked.tenure == tenure) else {
            // The lane is gone with its tenure.
            entries.into_iter().chain([marker]).for_each(|ticket| self.runs.release(ticket));
            return;
        };
        let opens = upto.is_some_and(|upto| parked.last <= upto);
        if entries.is_empty() && !opens {
            self.runs.release(marker);
            return self.send(Report::PageDone { tenure, key });
        }
        self.put_back(lane, marker, entries, opens);
    }

    /// The entries of a page, and the marker behind them.
    fn take_page(&mut self, run: Run) -> (Ticket, Vec<Ticket>) {
        let (run, rows) = self.runs.take(run, self.now);
        let mut tickets: Vec<Ticket> = (0..rows).map(|row| Ticket { run, row }).collect();
        let marker = tickets.pop().unwrap_or(Ticket { run, row: 0 });
        (marker, tickets)
    }

    /// Puts entries into their lane, and a marker behind them. With the last page what arrives queues behind that.
    fn put_back(&mut self, lane: LaneId, marker: Ticket, entries: Vec<Ticket>, is_last: bool) {
        entries.into_iter().chain([marker]).for_each(|ticket| self.lanes.feed(lane, ticket));
        if is_last {
            self.lanes.unpark(lane);
            let aside = self.parked.get_mut(&lane).map(|parked| std::mem::take(&mut parked.aside));
            aside.into_iter().flatten().for_each(|ticket| self.lanes.feed(lane, ticket));
        }
        if self.lanes.phase(lane) == Some(Phase::Parked)
            && let Some(head) = self.lanes.head(lane)
        {
            self.lanes.wake(lane);
            self.runs.release(head);
        }
    }

    /// Whether the head that is to start is a marker. Behind the last page the lane is open from now on; behind any other
    /// it is parked again, until the next one comes.
    pub(super) fn is_marker(&mut self, lane: LaneId, ticket: Ticket) -> bool {
        if self.runs.entry(ticket).slot != Slot::MARKER {
            return false;
        }
        let tenure = self.runs.tenure(ticket.run);
        let Some(key) = self.runs.key(ticket).and_then(KeyRef::to_owned) else { return true };
        if self.lanes.is_parked(lane) {
            self.lanes.rest(lane);
            self.send(Report::PageDone { tenure, key });
        } else {
            self.parked.remove(&lane);
            self.send(Report::Opened { tenure, key });
            self.advance(lane, ticket);
        }
        true
    }

    /// An event that came back from the store is handled.
    pub(super) fn redriven(&mut self, ticket: Ticket) {
        let (tenure, position) = (self.runs.tenure(ticket.run), self.runs.received(ticket).position);
        let key = self.runs.key(ticket).and_then(KeyRef::to_owned);
        self.send(Report::Resolved { tenure, key, position, resolution: Resolution::Handled });
    }

    /// An event that came back from the store and closes no lane has died again: it stays there.
    pub(super) fn dies_again(&mut self, lane: LaneId, ticket: Ticket, death: Death) {
        let tenure = self.runs.tenure(ticket.run);
        let position = self.runs.received(ticket).position;
        let key = self.runs.key(ticket).and_then(KeyRef::to_owned);
        let resolution = Resolution::Stays(ParkState::Dead(Box::new(death)));
        self.send(Report::Resolved { tenure, key, position, resolution });
        self.advance(lane, ticket);
    }

    /// The head of a lane waits longer than it may in memory: the lane goes to the store, head first.
    pub(super) fn park_waiting(&mut self, lane: LaneId, head: Ticket, trouble: Trouble, wait: Duration) {
        let due = self.shared.clock.wall() + wait;
        self.park(lane, head, ParkState::Backoff { due, attempts: trouble.attempts });
    }

    /// Tenures are over: what waited beside their parked lanes goes on.
    pub(super) fn forget_parked(&mut self, tenures: &[Tenure]) {
        if self.parked.is_empty() {
            return;
        }
        let gone = self.parked.extract_if(|_, parked| tenures.contains(&parked.tenure));
        let gone: Vec<_> = gone.collect();
        let mut aside = Vec::new();
        for (lane, parked) in gone {
            self.lanes.unpark(lane);
            aside.extend(parked.aside);
        }
        for parked in self.parked.values_mut() {
            let runs = &mut self.runs;
            parked.aside.retain(|ticket| {
                let stays = !tenures.contains(&runs.tenure(ticket.run));
                if !stays {
                    runs.release(*ticket);
                }
                stays
            });
        }
        for ticket in aside {
            if tenures.contains(&self.runs.tenure(ticket.run)) {
                self.runs.release(ticket);
            } else {
                self.admit_ticket(ticket);
            }
        }
    }
}

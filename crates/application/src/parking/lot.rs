//! A lot: one partition's part of the dead-letter store, as its owner sees it.

use laneway_domain::{
    Claim, Monotonic, ParkEntry, ParkState, ParkedAggregate, Resume, Scope, StoreError, StoreFault,
    Timestamp, Waits,
};

use super::begun::{Counting, UnderWay};
use super::call::{Arrival, Call, Reply};
use super::deed::Deed;
use super::errands::Errands;
use super::intake::{self, Intake};
use super::marks::Marks;
use super::pace::Paces;
use super::said::Verdicts;
use super::wishes::Wishes;

/// One lot: what it asks the store, one call at a time, and what it makes of the answers.
#[derive(Debug)]
pub(crate) struct Lot {
    pub(crate) scope: Scope,
    pub(crate) claim: Option<Claim>,
    /// The kind of call that is under way: whether it writes.
    under_way: Option<bool>,
    /// What the store did not do, and when it is asked again.
    again: Option<(Call, Monotonic)>,
    tries: u32,
    pub(super) intake: Intake,
    pub(super) verdicts: Verdicts,
    pub(super) begun: UnderWay,
    pub(super) wishes: Wishes,
    pub(super) errands: Errands,
    pub(crate) marks: Marks,
}

impl Lot {
    /// The lot of a scope in which the group stands there.
    pub(crate) fn new(scope: Scope, stands: Option<Resume>, counting: Option<Counting>) -> Self {
        Self {
            scope,
            claim: None,
            under_way: None,
            again: None,
            tries: 0,
            intake: Intake::new(),
            verdicts: Verdicts::default(),
            begun: UnderWay::new(counting),
            wishes: Wishes::default(),
            errands: Errands::default(),
            marks: Marks::new(stands),
        }
    }

    /// Whether something is not in the store yet that has to be there before the partition goes.
    pub(crate) fn is_busy(&self) -> bool {
        let again = self.again.as_ref().is_some_and(|(call, _)| call.writes());
        let waits = self.intake.is_busy() || !self.verdicts.is_empty() || self.wishes.are_busy();
        again || self.under_way == Some(true) || waits
    }

    /// Whether a call is under way, or to be made again.
    pub(super) fn is_calling(&self) -> bool {
        self.under_way.is_some() || self.again.is_some()
    }

    /// The next call, if it is time for one; `Err` says when.
    pub(crate) fn next(&mut self, paces: &mut Paces, now: Monotonic) -> Result<Call, Monotonic> {
        if self.under_way.is_some() {
            return Err(Monotonic::NEVER);
        }
        let call = match self.again.take() {
            Some((call, due)) if due > now => {
                self.again = Some((call, due));
                return Err(due);
            }
            Some((call, _)) => call,
            None => self.choose(paces, now)?,
        };
        self.under_way = Some(call.writes());
        Ok(call)
    }

    /// What is written goes before what is read, so that what is read is whole.
    fn choose(&mut self, paces: &mut Paces, now: Monotonic) -> Result<Call, Monotonic> {
        if self.claim.is_none() {
            return Ok(Call::Claim);
        }
        if let Some(call) = self.next_write(now) {
            return Ok(call);
        }
        if let Some(call) = self.wishes.next_entry() {
            return Ok(call);
        }
        if let Some(aggregates) = self.marks.take_passed() {
            return Ok(Call::Forget(aggregates));
        }
        match self.errands.next_page(paces, now) {
            Ok(Some((key, after, limit))) => Ok(Call::Page { key, after, limit }),
            Ok(None) => Err(self.errands.next_due().min(self.intake.due())),
            Err(due) => Err(due.min(self.intake.due())),
        }
    }

    fn next_write(&mut self, now: Monotonic) -> Option<Call> {
        if let Some(arrivals) = self.intake.next(now) {
            return Some(Call::Park(arrivals));
        }
        if !self.verdicts.is_empty() {
            return Some(Call::Resolve(self.verdicts.take()));
        }
        self.wishes.take_answers().map(Call::Answer)
    }

    /// The store answered.
    pub(crate) fn answered(
        &mut self,
        call: Call,
        result: Result<Reply, StoreError>,
        now: (Monotonic, Timestamp),
        deeds: &mut Vec<Deed>,
    ) -> Result<(), StoreError> {
        self.under_way = None;
        match result {
            Ok(reply) => {
                self.tries = 0;
                self.done(call, reply, now, deeds);
                Ok(())
            }
            Err(error) if error.fault() == StoreFault::Fenced => {
                deeds.push(Deed::Fenced);
                Err(error)
            }
            Err(error) => match call {
                Call::Park(arrivals) if error.fault() == StoreFault::Rejected => {
                    self.intake.rejected(arrivals, error, now.0)
                }
                call => {
                    self.tries = self.tries.saturating_add(1);
                    self.again = Some((call, now.0 + intake::wait(self.tries)));
                    Err(error)
                }
            },
        }
    }

    fn done(&mut self, call: Call, reply: Reply, now: (Monotonic, Timestamp), deeds: &mut Vec<Deed>) {
        match (call, reply) {
            (_, Reply::Claimed(claim, known)) => {
                self.claim = Some(claim);
                self.learn(&known, now);
                deeds.push(Deed::Start(known));
            }
            (Call::Park(arrivals), _) => {
                self.intake.stored(&arrivals);
                arrivals.iter().for_each(|arrival| self.stored(&arrival.entry, now));
                deeds.push(Deed::Settle(arrivals));
            }
            (Call::Answer(answers), _) => self.wishes.told(answers),
            (Call::Resolve(_), _) => {
                self.verdicts.are_written();
                self.begun.written(&self.verdicts, deeds);
            }
            (Call::Page { key, .. }, Reply::Entries(entries)) => self.page(key, entries, now.0, deeds),
            (Call::Entry { wish, position }, _) if self.verdicts.has(position) => {
                // It had its end while it was read: what was read is older than what has to be written.
                self.wishes.read_again(*wish);
            }
            (Call::Entry { wish, .. }, Reply::Entries(entries)) => self.entry(*wish, entries, deeds),
            _ => {}
        }
    }

    fn learn(&mut self, known: &[ParkedAggregate], now: (Monotonic, Timestamp)) {
        for ParkedAggregate { key, last, waits } in known {
            if waits.is_some() {
                self.marks.found(key.clone(), *last);
            }
            match waits {
                None => self.marks.left(key.clone(), *last),
                Some(Waits::Dead) => self.errands.parked(key.clone(), *last, None),
                Some(Waits::Until(due)) => self.errands.parked(key.clone(), *last, Some(at(*due, now))),
            }
        }
    }

    fn stored(&mut self, entry: &ParkEntry, now: (Monotonic, Timestamp)) {
        let Some(key) = &entry.key else { return };
        let due = due(&entry.state).map(|due| at(due, now));
        self.marks.parked(key);
        self.errands.parked(key.clone(), entry.event.position, due);
    }

    /// An event goes into the store.
    pub(crate) fn park(&mut self, arrival: Arrival) {
        self.intake.take(arrival);
    }

    /// What the store says of an event that it rejects.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.intake.refusal()
    }
}

/// When an entry is tried again; none where it does not wait for that.
pub(super) const fn due(state: &ParkState) -> Option<Timestamp> {
    match state {
        ParkState::Backoff { due, .. } => Some(*due),
        ParkState::Dead(_) | ParkState::Follower => None,
    }
}

/// A time on the wall, on the clock that never goes back.
pub(super) fn at(due: Timestamp, (monotonic, wall): (Monotonic, Timestamp)) -> Monotonic {
    monotonic + due.since(wall)
}

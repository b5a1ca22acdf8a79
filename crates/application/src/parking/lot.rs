//! A lot: one partition's part of the dead-letter store, as its owner sees it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use laneway_domain::{
    Act, AggregateKey, Answer, Claim, Monotonic, ParkEntry, ParkState, ParkedAggregate, Position, Resolution,
    Resume, Scope, StoreError, StoreFault, Timestamp, Waits, Wish, WishId, WishTarget,
};

use super::call::{Arrival, Call, Reply};
use super::errand::{Errand, Kind, Stage};
use super::errands::{Errands, LATER};
use super::intake::{self, Intake};
use super::pace::Paces;
use crate::policy::RetryPolicy;
use crate::sabotage::{Bug, is_planted};

/// What a lot wants done by the loop.
#[derive(Debug)]
pub(crate) enum Deed {
    /// The scope is ours: tell the workers what is parked, and start to read.
    Start(Vec<ParkedAggregate>),
    /// These are in the store: their positions are settled.
    Settle(Vec<Arrival>),
    /// These go into their lane.
    Feed(Feed),
    /// Somebody else has claimed the scope: the partition is not ours any more.
    Fenced,
}

/// Entries on their way back into a lane.
#[derive(Debug)]
pub(crate) struct Feed {
    /// The aggregate; none for an event without one.
    pub(crate) key: Option<AggregateKey>,
    pub(crate) entries: Vec<ParkEntry>,
    /// The last position that the store has, where these are the last entries of a parked aggregate.
    pub(crate) upto: Option<Position>,
    /// Whether their aggregate is not parked.
    pub(crate) loose: bool,
}

/// One lot.
#[derive(Debug)]
pub(crate) struct Lot {
    pub(crate) scope: Scope,
    pub(crate) claim: Option<Claim>,
    /// The kind of call that is under way: whether it writes.
    under_way: Option<bool>,
    /// What the store did not do, and when it is asked again.
    again: Option<(Call, Monotonic)>,
    tries: u32,
    intake: Intake,
    verdicts: Vec<(Position, Resolution)>,
    answers: Vec<(WishId, Answer)>,
    errands: Errands,
    entries: VecDeque<Wish>,
    /// Entries of aggregates that are not parked, in their lanes for a wish.
    loose: HashMap<Position, WishId>,
    /// Wishes that are taken up and not answered.
    wishes: HashSet<WishId>,
    /// Wishes that were answered since operators' wishes were asked for last: that list may still name them.
    answered: HashSet<WishId>,
    /// Aggregates whose entries have all left: what is redelivered of them is settled.
    marks: HashMap<AggregateKey, Position>,
    /// Aggregates that were parked when the scope was claimed: what is redelivered of them is settled too, also while
    /// their lanes open again.
    found: HashMap<AggregateKey, Position>,
    passed: Vec<AggregateKey>,
    /// Where the group stands for sure.
    stands: Option<Resume>,
}

/// How often a store that refuses is asked again.
pub(super) const BACKOFF: RetryPolicy = RetryPolicy {
    max_retries: u32::MAX,
    initial_interval: Duration::from_millis(50),
    max_interval: Duration::from_secs(5),
    multiplier: 2.0,
    jitter: 0.2,
};
impl Lot {
    /// The lot of a scope in which the group stands there.
    pub(crate) fn new(scope: Scope, stands: Option<Resume>) -> Self {
        Self {
            scope,
            claim: None,
            under_way: None,
            again: None,
            tries: 0,
            intake: Intake::new(),
            verdicts: Vec::new(),
            answers: Vec::new(),
            errands: Errands::default(),
            entries: VecDeque::new(),
            loose: HashMap::new(),
            wishes: HashSet::new(),
            answered: HashSet::new(),
            marks: HashMap::new(),
            found: HashMap::new(),
            passed: Vec::new(),
            stands,
        }
    }

    /// Whether something is not in the store yet that has to be there before the partition goes.
    pub(crate) fn is_busy(&self) -> bool {
        let again = self.again.as_ref().is_some_and(|(call, _)| call.writes());
        let waits = self.intake.is_busy() || !self.verdicts.is_empty() || !self.answers.is_empty();
        again || self.under_way == Some(true) || waits
    }

    /// How many wishes are taken up.
    pub(crate) fn wishes(&self) -> usize {
        self.wishes.len()
    }

    /// Operators' wishes are asked for: the list will not name what is answered by now.
    pub(crate) fn asks(&mut self) {
        self.answered.clear();
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
        if let Some(arrivals) = self.intake.next(now) {
            return Ok(Call::Park(arrivals));
        }
        if !self.verdicts.is_empty() {
            return Ok(Call::Resolve(std::mem::take(&mut self.verdicts)));
        }
        if !self.answers.is_empty() {
            return Ok(Call::Answer(std::mem::take(&mut self.answers)));
        }
        if let Some(wish) = self.entries.pop_front() {
            let WishTarget::Entry(position) = wish.target else { unreachable!("only entries wait there") };
            return Ok(Call::Entry { wish: Box::new(wish), position });
        }
        if !self.passed.is_empty() {
            return Ok(Call::Forget(std::mem::take(&mut self.passed)));
        }
        match self.errands.next_page(paces, now) {
            Ok(Some((key, after, limit))) => Ok(Call::Page { key, after, limit }),
            Ok(None) => Err(self.errands.next_due().min(self.intake.due())),
            Err(due) => Err(due.min(self.intake.due())),
        }
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
            (Call::Answer(answers), _) => {
                for (id, _) in answers {
                    self.wishes.remove(&id);
                    self.answered.insert(id);
                }
            }
            (Call::Page { key, .. }, Reply::Entries(entries)) => self.page(key, entries, now.0, deeds),
            (Call::Entry { wish, position }, _) if self.verdicts.iter().any(|(of, _)| *of == position) => {
                // It had its end while it was read: what was read is older than what has to be written.
                self.entries.push_front(*wish);
            }
            (Call::Entry { wish, .. }, Reply::Entries(entries)) => self.entry(*wish, entries, deeds),
            _ => {}
        }
    }

    fn learn(&mut self, known: &[ParkedAggregate], now: (Monotonic, Timestamp)) {
        for ParkedAggregate { key, last, waits } in known {
            if waits.is_some() {
                self.found.insert(key.clone(), *last);
            }
            match waits {
                None => self.mark(key.clone(), *last),
                Some(Waits::Dead) => self.errands.parked(key.clone(), *last, None),
                Some(Waits::Until(due)) => self.errands.parked(key.clone(), *last, Some(at(*due, now))),
            }
        }
    }

    fn stored(&mut self, entry: &ParkEntry, now: (Monotonic, Timestamp)) {
        let Some(key) = &entry.key else { return };
        let due = due(&entry.state).map(|due| at(due, now));
        self.marks.remove(key);
        self.errands.parked(key.clone(), entry.event.position, due);
    }

    /// An event goes into the store.
    pub(crate) fn park(&mut self, arrival: Arrival) {
        self.intake.take(arrival);
    }

    /// An event that was redelivered is in the store, or left it before: it is settled.
    pub(crate) fn is_marked(&self, key: &AggregateKey, position: Position) -> bool {
        if is_planted(Bug::RedeliveredParksAgain) {
            return false;
        }
        [&self.marks, &self.found]
            .into_iter()
            .filter_map(|known| known.get(key))
            .any(|last| position <= *last)
    }

    /// Whether anything is marked.
    pub(crate) fn has_marks(&self) -> bool {
        !self.marks.is_empty() || !self.found.is_empty()
    }

    /// Keeps the mark of an aggregate, unless nothing up to it can be redelivered.
    fn mark(&mut self, key: AggregateKey, last: Position) {
        if self.stands.is_some_and(|stands| stands.is_past(last)) {
            self.passed.push(key);
        } else {
            self.marks.insert(key, last);
        }
    }

    /// The group stands here for sure: marks that are passed go. Whether there are any.
    pub(crate) fn committed(&mut self, resume: Resume) -> bool {
        self.stands = Some(resume);
        let passed = self.marks.extract_if(|_, last| resume.is_past(*last)).map(|(key, _)| key);
        self.passed.extend(passed);
        self.found.retain(|_, last| !resume.is_past(*last));
        !self.passed.is_empty()
    }

    /// Takes a wish up, and says whether it did: one that is taken up already is passed over, and one that has to wait
    /// is asked for again.
    pub(crate) fn wish(&mut self, wish: Wish) -> bool {
        if self.answered.contains(&wish.id) || !self.wishes.insert(wish.id) {
            return false;
        }
        let id = wish.id;
        match &wish.target {
            WishTarget::Entry(_) => self.entries.push_back(wish),
            WishTarget::Aggregate(key) => self.errand(&key.clone(), &wish),
        }
        self.wishes.contains(&id)
    }

    /// Begins an errand for a wish.
    fn errand(&mut self, key: &AggregateKey, wish: &Wish) {
        let kind = match wish.act {
            Act::Redrive { per_second } => Kind::Redrive(per_second),
            Act::Skip => Kind::Skip,
            Act::Purge => Kind::Purge,
            // Only an entry has a content.
            Act::Edit(_) => return self.answers.push((wish.id, Answer::Nothing)),
        };
        if self.errands.begin(key, Errand::new(kind, Some(wish.id))).is_err() {
            self.refuse(key, wish);
        }
    }

    /// An aggregate is not parked any more, or its next attempt is under way: then the wish is asked for again later.
    fn refuse(&mut self, key: &AggregateKey, wish: &Wish) {
        if self.errands.has(key) {
            self.wishes.remove(&wish.id);
        } else {
            self.answers.push((wish.id, Answer::Nothing));
        }
    }

    /// A page without entries says that nothing is left, whatever the store said before.
    fn page(
        &mut self,
        key: AggregateKey,
        mut entries: Vec<ParkEntry>,
        now: Monotonic,
        deeds: &mut Vec<Deed>,
    ) {
        let upto = self.errands.last(&key);
        let Some(errand) = self.errands.errand(&key) else { return };
        // A store that says the same again must not make a redrive endless.
        entries.retain(|entry| errand.cursor.is_none_or(|cursor| entry.event.position > cursor));
        errand.cursor = entries.last().map(|entry| entry.event.position).or(errand.cursor);
        match errand.kind {
            _ if entries.is_empty() && self.intake.rejects(&key) => self.ends_early(&key, now),
            _ if entries.is_empty() => {
                errand.stage = Stage::AtWork;
                deeds.push(Deed::Feed(Feed { key: Some(key), entries, upto, loose: false }));
            }
            Kind::Redrive(_) => {
                if is_planted(Bug::FollowerBeforeParkedHead) {
                    entries.reverse();
                }
                errand.stage = Stage::AtWork;
                let upto = upto.filter(|upto| errand.cursor >= Some(*upto));
                deeds.push(Deed::Feed(Feed { key: Some(key), entries, upto, loose: false }));
            }
            Kind::Check => self.finish(&key),
            Kind::Skip | Kind::Purge => {
                errand.count += entries.len() as u64;
                if errand.kind == Kind::Skip {
                    errand.kind = Kind::Check;
                }
                let skipped = entries.iter().map(|entry| (entry.event.position, Resolution::Skipped));
                self.verdicts.extend(skipped);
                self.errands.read_on(&key);
            }
        }
    }

    /// An errand has come to an event that the store rejects: that waits outside, and the lane stays parked for it.
    fn ends_early(&mut self, key: &AggregateKey, now: Monotonic) {
        let errand = self.errands.end(key);
        let redrives = errand.as_ref().is_some_and(|errand| matches!(errand.kind, Kind::Redrive(_)));
        self.answer(errand.as_ref(), if redrives { Answer::FailedAgain } else { Answer::Done });
        if errand.is_some_and(|errand| errand.wish.is_none()) {
            self.errands.wait(key.clone(), Some(now + LATER));
        }
    }

    /// What the store says of an event that it rejects.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.intake.refusal()
    }

    /// An errand is through; its aggregate stays parked, or is open already.
    fn finish(&mut self, key: &AggregateKey) {
        let errand = self.errands.end(key);
        self.answer(errand.as_ref(), Answer::Done);
    }

    fn answer(&mut self, errand: Option<&Errand>, answer: impl Fn(u64) -> Answer) {
        if let Some(Errand { wish: Some(id), count, .. }) = errand {
            self.answers.push((*id, answer(*count)));
        }
    }

    fn entry(&mut self, wish: Wish, entries: Vec<ParkEntry>, deeds: &mut Vec<Deed>) {
        let Some(entry) = entries.into_iter().next() else {
            return self.answers.push((wish.id, Answer::Nothing));
        };
        let position = entry.event.position;
        let parked = entry.key.clone().filter(|key| self.errands.has(key));
        if parked.as_ref().is_some_and(|key| self.errands.is_busy(key)) {
            // It may be in its lane: the wish is asked for again later.
            self.wishes.remove(&wish.id);
            return;
        }
        match wish.act {
            Act::Edit(body) => {
                self.verdicts.push((position, Resolution::Edited(body)));
                self.answers.push((wish.id, Answer::Done(1)));
            }
            Act::Skip | Act::Purge => {
                self.verdicts.push((position, Resolution::Skipped));
                self.answers.push((wish.id, Answer::Done(1)));
                if let Some(key) = parked {
                    drop(self.errands.begin(&key, Errand::new(Kind::Check, None)));
                }
            }
            Act::Redrive { .. } => match parked {
                Some(key) => self.redrive_one(key, entry, wish.id, deeds),
                None => {
                    self.loose.insert(position, wish.id);
                    let (key, entries) = (entry.key.clone(), vec![entry]);
                    deeds.push(Deed::Feed(Feed { key, entries, upto: None, loose: true }));
                }
            },
        }
    }

    fn redrive_one(&mut self, key: AggregateKey, entry: ParkEntry, wish: WishId, deeds: &mut Vec<Deed>) {
        let errand = Errand { stage: Stage::AtWork, ..Errand::new(Kind::Check, Some(wish)) };
        if self.errands.begin(&key, errand).is_ok() {
            deeds.push(Deed::Feed(Feed { key: Some(key), entries: vec![entry], upto: None, loose: false }));
        } else {
            self.wishes.remove(&wish);
        }
    }

    /// An entry that was in its lane has an end, or stays.
    pub(crate) fn resolved(
        &mut self,
        key: Option<AggregateKey>,
        position: Position,
        resolution: Resolution,
        now: (Monotonic, Timestamp),
    ) {
        let handled = resolution.leaves();
        if let Some(key) = key {
            match &resolution {
                _ if handled => self.errands.errand(&key).into_iter().for_each(|errand| errand.count += 1),
                Resolution::Stays(state) => {
                    let errand = self.errands.end(&key);
                    self.answer(errand.as_ref(), Answer::FailedAgain);
                    self.errands.wait(key, due(state).map(|due| at(due, now)));
                }
                _ => {}
            }
        } else if let Some(wish) = self.loose.remove(&position) {
            self.answers.push((wish, if handled { Answer::Done(1) } else { Answer::FailedAgain(0) }));
        }
        self.verdicts.push((position, resolution));
    }

    /// What was fed into a lane is through, and more is to come.
    pub(crate) fn page_done(&mut self, key: &AggregateKey) {
        self.errands.read_on(key);
    }

    /// What was fed did not get into its lane: the wish is asked for again later.
    pub(crate) fn later(&mut self, key: &AggregateKey, now: Monotonic) {
        match self.errands.end(key) {
            Some(Errand { wish: Some(id), .. }) => _ = self.wishes.remove(&id),
            Some(_) => self.errands.wait(key.clone(), Some(now + LATER)),
            None => {}
        }
    }

    /// A letter did not get into its lane: the wish is asked for again.
    pub(crate) fn missed(&mut self, position: Position) {
        self.loose.remove(&position).map(|wish| self.wishes.remove(&wish));
    }

    /// A lane is open again: nothing of its aggregate is in the store.
    pub(crate) fn opened(&mut self, key: &AggregateKey) {
        if let Some((last, errand)) = self.errands.opened(key) {
            self.mark(key.clone(), last);
            self.answer(errand.as_ref(), Answer::Done);
        }
    }
}

/// When an entry is tried again; none where it does not wait for that.
const fn due(state: &ParkState) -> Option<Timestamp> {
    match state {
        ParkState::Backoff { due, .. } => Some(*due),
        ParkState::Dead(_) | ParkState::Follower => None,
    }
}

/// A time on the wall, on the clock that never goes back.
fn at(due: Timestamp, (monotonic, wall): (Monotonic, Timestamp)) -> Monotonic {
    monotonic + due.since(wall)
}

//! All lots of a subscription, and the calls that are under way for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use laneway_domain::{
    BoxFuture, Claim, Clock, DeadLetterQueue, Monotonic, OwnerId, Resume, Scope, StoreError, Timestamp, Wish,
};

use super::begun::Counting;
use super::call::{Call, Desk, Reply, Stored};
use super::deed::Deed;
use super::lot::Lot;
use super::pace::Paces;
use crate::ledger::Tenure;

/// How many wishes are taken up at once.
const WISHES: usize = 256;

/// The lots; none, and free, where the store does not park.
pub(crate) struct Lots {
    desk: Option<Desk>,
    poll: Duration,
    counting: Option<Counting>,
    lots: HashMap<Tenure, Lot>,
    running: FuturesUnordered<BoxFuture<Stored>>,
    touched: Vec<Tenure>,
    alarms: BTreeSet<(Monotonic, Tenure)>,
    paces: Paces,
    /// When operators' wishes are asked for next; never while they are being asked for.
    next_poll: Monotonic,
    /// How many of them at most.
    asked_for: usize,
    /// What the store says to which lot, while it refuses.
    refusals: BTreeMap<Tenure, String>,
}

impl Lots {
    /// No lots; they are awake if `store` parks. Wishes are asked for every `poll`.
    pub(crate) fn new(
        store: Option<Arc<dyn DeadLetterQueue>>,
        owner: OwnerId,
        clock: Arc<dyn Clock>,
        poll: Duration,
        patience: Duration,
        counting: Option<Counting>,
    ) -> Self {
        let store = store.filter(|store| store.parking().is_some());
        Self {
            desk: store.map(|store| Desk { store, owner, clock, patience }),
            poll,
            counting,
            lots: HashMap::new(),
            running: FuturesUnordered::new(),
            touched: Vec::new(),
            alarms: BTreeSet::new(),
            paces: Paces::default(),
            next_poll: Monotonic::NEVER,
            asked_for: WISHES,
            refusals: BTreeMap::new(),
        }
    }

    /// Whether there is a store that parks.
    pub(crate) fn are_awake(&self) -> bool {
        self.desk.is_some()
    }

    /// A partition is ours: its scope has to be claimed before it starts.
    pub(crate) fn begin(&mut self, tenure: Tenure, scope: Scope, stands: Option<Resume>, now: Monotonic) {
        self.lots.insert(tenure, Lot::new(scope, stands, self.counting));
        self.touched.push(tenure);
        if self.next_poll == Monotonic::NEVER && self.lots.len() == 1 {
            self.next_poll = now + self.poll;
        }
    }

    /// A partition is no longer ours. Calls under way may still land: the next claim voids them.
    pub(crate) fn end(&mut self, tenure: Tenure) {
        self.refusals.remove(&tenure);
        if self.lots.remove(&tenure).is_some() && self.lots.is_empty() {
            self.next_poll = Monotonic::NEVER;
        }
    }

    /// The same in order: nothing of it runs. The store hears that, unless it is busy with something else.
    pub(crate) fn give_back(&mut self, tenure: Tenure) {
        if let (Some(desk), Some(lot)) = (&self.desk, self.lots.get_mut(&tenure)) {
            lot.give_back();
            if let Some((claim, call)) = lot.last_words() {
                let scope = claim.scope.clone();
                self.running.push(Box::pin(desk.clone().call(tenure, scope, Some(claim), call)));
            }
        }
        self.end(tenure);
    }

    /// A lot, to change it.
    pub(crate) fn lot(&mut self, tenure: Tenure) -> Option<&mut Lot> {
        let lot = self.lots.get_mut(&tenure)?;
        self.touched.push(tenure);
        Some(lot)
    }

    /// A lot, to look at it.
    pub(crate) fn look(&self, tenure: Tenure) -> Option<&Lot> {
        self.lots.get(&tenure)
    }

    /// The group stands here for sure.
    pub(crate) fn committed(&mut self, tenure: Tenure, resume: Resume) {
        let Some(lot) = self.lots.get_mut(&tenure) else { return };
        if lot.marks.committed(resume) {
            self.touched.push(tenure);
        }
    }

    /// Whether something of a tenure is not in the store yet.
    pub(crate) fn is_busy(&self, tenure: Tenure) -> bool {
        self.lots.get(&tenure).is_some_and(Lot::is_busy)
    }

    /// What the store says, while it refuses.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refusals.first_key_value().map(|(_, refusal)| refusal.as_str())
    }

    /// Makes the calls that it is time for.
    pub(crate) fn drive(&mut self, now: Monotonic) {
        let Some(desk) = &self.desk else { return };
        while let Some((due, tenure)) = self.alarms.first().copied().filter(|(due, _)| *due <= now) {
            self.alarms.remove(&(due, tenure));
            self.touched.push(tenure);
        }
        for tenure in self.touched.drain(..) {
            let Some(lot) = self.lots.get_mut(&tenure) else { continue };
            match lot.next(&mut self.paces, now) {
                Ok(call) => {
                    let (scope, claim) = (lot.scope.clone(), lot.claim.clone());
                    self.running.push(Box::pin(desk.clone().call(tenure, scope, claim, call)));
                }
                Err(Monotonic::NEVER) => {}
                Err(due) => drop(self.alarms.insert((due, tenure))),
            }
        }
        if self.next_poll <= now {
            self.next_poll = Monotonic::NEVER;
            self.lots.values_mut().for_each(|lot| lot.wishes.ask());
            let claims = self.lots.values().filter_map(|lot| lot.claim.clone()).collect();
            // Those that are taken up already may be the oldest for long.
            self.asked_for = WISHES + self.lots.values().map(|lot| lot.wishes.len()).sum::<usize>();
            self.running.push(Box::pin(desk.clone().wishes(claims, self.asked_for)));
        }
    }

    /// When something is to be done even if nothing happens.
    pub(crate) fn due(&self) -> Monotonic {
        self.alarms.first().map_or(Monotonic::NEVER, |(due, _)| *due).min(self.next_poll)
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stored> {
        match self.running.poll_next_unpin(cx) {
            Poll::Ready(Some(stored)) => Poll::Ready(stored),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// A lot's call has an answer; what the loop has to do now, and the error where the store did not do it.
    pub(crate) fn answered(
        &mut self,
        tenure: Tenure,
        call: Call,
        result: Result<Reply, StoreError>,
        now: (Monotonic, Timestamp),
    ) -> (Vec<Deed>, Option<StoreError>) {
        let mut deeds = Vec::new();
        let Some(lot) = self.lots.get_mut(&tenure) else { return (deeds, None) };
        let error = lot.answered(call, result, now, &mut deeds).err();
        match error.as_ref().map(ToString::to_string).or_else(|| lot.refusal().map(str::to_owned)) {
            Some(refusal) => drop(self.refusals.insert(tenure, refusal)),
            None => drop(self.refusals.remove(&tenure)),
        }
        self.touched.push(tenure);
        (deeds, error)
    }

    /// Whose claims these are; none where one of them is nobody's any more, which says nothing about the others.
    pub(crate) fn holding(&self, claims: &[Claim]) -> Vec<Tenure> {
        let holder = |claim| self.lots.iter().find(|(_, lot)| lot.claim.as_ref() == Some(claim));
        let holders: Option<Vec<_>> = claims.iter().map(|claim| Some(*holder(claim)?.0)).collect();
        holders.unwrap_or_default()
    }

    /// Operators' wishes have come.
    pub(crate) fn wished(&mut self, wishes: Vec<Wish>, now: Monotonic) {
        let (all, mut taken) = (wishes.len() < self.asked_for, false);
        for wish in wishes {
            let lot = self.lots.iter_mut().find(|(_, lot)| lot.scope == wish.scope && lot.claim.is_some());
            if let Some((tenure, lot)) = lot {
                self.touched.push(*tenure);
                taken |= lot.wish(wish);
            }
        }
        if !self.lots.is_empty() {
            self.next_poll = if all || !taken { now + self.poll } else { now };
        }
    }
}

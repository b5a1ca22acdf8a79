//! I5: across processes runs overlap only within the fence interval.

use std::collections::{BTreeSet, HashMap};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::Start;
use super::terms::{MemberId, Outcome, RunId};
use super::track::{Aggregates, Audience, Log, Runs, Settled};
use super::violation::{Findings, Violation};
use crate::aggregate::AggregateKey;
use crate::handler::Cancellation;
use crate::parking::Scope;
use crate::position::{Epoch, Position};
use crate::time::Monotonic;

/// Three rules. Who gives a partition up runs nothing in it any more. Who lost one, or was overtaken, starts nothing
/// and runs nothing in it longer than the fence interval; for who stands still, that begins anew when it goes on. Effects of an aggregate become visible in order, with none
/// missing. Runs that cannot be cancelled are left out of the first two.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut findings = Findings::of(Invariant::I5);
    Owners::new(limits).judge(history, &mut findings);
    effects(history, limits, &mut findings);
    findings.done()
}

type Seat<'h> = (MemberId, &'h Scope);

/// Who may run what, and until when.
struct Owners<'h> {
    limits: &'h Limits,
    runs: Runs<'h>,
    open: HashMap<Seat<'h>, BTreeSet<RunId>>,
    owners: HashMap<&'h Scope, BTreeSet<MemberId>>,
    /// When a member has to be out of a partition that is no longer its own.
    out: HashMap<Seat<'h>, Monotonic>,
    frozen: HashMap<MemberId, Monotonic>,
    /// Until when a member that stood still hears what it missed.
    behind: HashMap<MemberId, Monotonic>,
    epochs: HashMap<&'h Scope, Epoch>,
}

impl<'h> Owners<'h> {
    fn new(limits: &'h Limits) -> Self {
        Self {
            limits,
            runs: Runs::default(),
            open: HashMap::new(),
            owners: HashMap::new(),
            out: HashMap::new(),
            frozen: HashMap::new(),
            behind: HashMap::new(),
            epochs: HashMap::new(),
        }
    }

    fn judge(mut self, history: &'h History, findings: &mut Findings) {
        for (index, at, what) in history.iter() {
            self.own(index, at, what, findings);
            for (start, outcome) in self.runs.observe(what) {
                self.ended(index, at, start, outcome, findings);
            }
            if let Happening::HandlerStarted(start) = what {
                self.started(index, at, start, findings);
            }
        }
        for start in self.runs.open() {
            if self.is_out(start, history.end()) && stoppable(start) {
                findings
                    .add(history.len(), || format!("{start} still runs after its partition was taken over"));
            }
        }
    }

    fn own(&mut self, index: usize, at: Monotonic, what: &'h Happening, findings: &mut Findings) {
        let fence = at + self.limits.fence;
        match what {
            Happening::Assigned { member, scope, epoch, .. } if self.is_old(*member, scope, *epoch, at) => {
                self.out.insert((*member, scope), fence);
            }
            Happening::Assigned { member, scope, epoch, .. } => {
                self.epochs.insert(scope, *epoch);
                let owners = self.owners.entry(scope).or_default();
                for old in owners.iter().filter(|old| *old != member) {
                    self.out.entry((*old, scope)).or_insert(fence);
                }
                owners.clear();
                owners.insert(*member);
                self.out.remove(&(*member, scope));
            }
            Happening::Lost { member, scope, .. } => self.leave(*member, scope, fence),
            Happening::Released { member, scope, .. } => {
                if self.open.get(&(*member, scope)).is_some_and(|open| !open.is_empty()) {
                    let Scope { topic, partition, .. } = scope;
                    findings.add(index, || format!("{topic}/{partition} was given up while a handler ran"));
                }
                self.leave(*member, scope, at);
            }
            Happening::SessionEnded { member, group, topics } => {
                let scopes: Vec<_> = self.owners.keys().copied().collect();
                for scope in scopes.into_iter().filter(|s| s.group == *group && topics.contains(&s.topic)) {
                    self.leave(*member, scope, fence);
                }
            }
            Happening::Frozen { member } => {
                self.frozen.entry(*member).or_insert(at);
            }
            Happening::Woken { member } => {
                let since = self.frozen.remove(member).unwrap_or(at);
                let missed = self.out.iter_mut().filter(|((known, _), by)| known == member && **by >= since);
                missed.for_each(|(_, by)| *by = fence);
                self.behind.insert(*member, fence);
            }
            _ => {}
        }
    }

    /// Whether an assignment is old news, which a member hears that stood still.
    fn is_old(&self, member: MemberId, scope: &Scope, epoch: Epoch, at: Monotonic) -> bool {
        let behind = self.behind.get(&member).is_some_and(|until| at <= *until);
        behind && self.epochs.get(scope).is_some_and(|known| epoch < *known)
    }

    fn leave(&mut self, member: MemberId, scope: &'h Scope, by: Monotonic) {
        if self.owners.get_mut(scope).is_some_and(|owners| owners.remove(&member)) {
            self.out.entry((member, scope)).or_insert(by);
        }
    }

    fn started(&mut self, index: usize, at: Monotonic, start: &'h Start, findings: &mut Findings) {
        if self.is_out(start, at) {
            findings.add(index, || format!("{start} started in a bus that no longer owns the partition"));
        }
        if stoppable(start) {
            self.open.entry((start.member, &start.place.scope)).or_default().insert(start.run);
        }
    }

    fn ended(
        &mut self,
        index: usize,
        at: Monotonic,
        start: &'h Start,
        outcome: Outcome,
        findings: &mut Findings,
    ) {
        if let Some(open) = self.open.get_mut(&(start.member, &start.place.scope)) {
            open.remove(&start.run);
        }
        // Where a released partition's run is concerned, the release itself was found already.
        if self.is_out(start, at) && stoppable(start) && outcome != Outcome::Dropped {
            findings.add(index, || format!("{start} ran on after its partition was taken over"));
        }
    }

    fn is_out(&self, start: &Start, at: Monotonic) -> bool {
        self.out.get(&(start.member, &start.place.scope)).is_some_and(|by| at > *by)
    }
}

fn stoppable(start: &Start) -> bool {
    start.cancellation == Cancellation::Drop
}

fn effects(history: &History, limits: &Limits, findings: &mut Findings) {
    if !history.iter().any(|(_, _, what)| matches!(what, Happening::EffectApplied { .. })) {
        return;
    }
    let (log, audience) = (Log::of(history), Audience::of(history));
    let (mut aggregates, mut settled) = (Aggregates::of(&log), Settled::new(limits));
    let mut last: HashMap<(&Scope, &AggregateKey), Position> = HashMap::new();
    for (index, _, what) in history.iter() {
        if let Happening::EffectApplied { place, id, key } = what {
            let missing = aggregates.open_before(place, key, &settled, &audience);
            let before = last.insert((&place.scope, key), place.position);
            if missing.is_some() || before.is_some_and(|before| before > place.position) {
                findings.add(index, || format!("the effect of event {id} of {key} came out of order"));
            }
        }
        settled.observe(what);
    }
}

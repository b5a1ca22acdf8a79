//! I18: what a shutdown does.

use std::collections::{HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Start};
use super::terms::MemberId;
use super::track::Tenures;
use super::violation::{Findings, Violation};
use crate::parking::Scope;
use crate::position::Resume;
use crate::time::Monotonic;

/// A signal is heard within [`Limits::reaction`]. A commit counts as stored when the broker confirmed it, or when its
/// bus closed while the broker was connected; tenures that begin later do not go back behind it.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut state = Shutdowns::new(limits);
    for (index, at, what) in history.iter() {
        state.tenures.observe(at, what);
        state.observe(index, at, what);
    }
    state.late(history.len(), history.end());
    state.findings.done()
}

struct Shutdowns<'h> {
    limits: &'h Limits,
    findings: Findings,
    tenures: Tenures<'h>,
    /// Signalled and not closed: when, and until when.
    closing: HashMap<MemberId, (Monotonic, Monotonic)>,
    sent: HashMap<MemberId, HashMap<&'h Scope, Resume>>,
    stored: HashMap<&'h Scope, u64>,
    /// What was stored when a tenure began.
    floors: HashMap<(MemberId, &'h Scope), u64>,
    redriven: HashSet<&'h Place>,
    down: usize,
}

impl<'h> Shutdowns<'h> {
    fn new(limits: &'h Limits) -> Self {
        Self {
            limits,
            findings: Findings::of(Invariant::I18),
            tenures: Tenures::default(),
            closing: HashMap::new(),
            sent: HashMap::new(),
            stored: HashMap::new(),
            floors: HashMap::new(),
            redriven: HashSet::new(),
            down: 0,
        }
    }

    fn observe(&mut self, index: usize, at: Monotonic, what: &'h Happening) {
        match what {
            Happening::Signalled { member, deadline } => {
                self.closing.entry(*member).or_insert((at, *deadline));
            }
            Happening::Closed { member } => self.closed(index, at, *member),
            Happening::PublishAfterClose { member, accepted: true } => {
                self.findings.add(index, || format!("bus {} took an event after it was closed", member.0));
            }
            Happening::Committed { member, scope, resume, .. } => {
                self.sent.entry(*member).or_default().insert(scope, *resume);
            }
            Happening::CommitStored { scope, resume } => self.store(scope, *resume),
            Happening::Assigned { member, scope, .. } => {
                let floor = self.stored.get(scope).copied().unwrap_or(0);
                self.floors.insert((*member, scope), floor);
            }
            Happening::Redriven { place } => {
                self.redriven.insert(place);
            }
            Happening::HandlerStarted(start) => self.started(index, at, start),
            Happening::ConnectionDown { .. } => self.down += 1,
            Happening::ConnectionUp { .. } => self.down = self.down.saturating_sub(1),
            Happening::Crashed { member } => {
                self.closing.remove(member);
                self.sent.remove(member);
            }
            _ => {}
        }
    }

    fn closed(&mut self, index: usize, at: Monotonic, member: MemberId) {
        let due = self.closing.remove(&member).map(|(_, deadline)| deadline + self.limits.reaction);
        if due.is_some_and(|due| at > due) {
            self.findings.add(index, || format!("bus {} closed after its deadline", member.0));
        }
        let sent = self.sent.remove(&member).unwrap_or_default();
        if self.down == 0 {
            for (scope, resume) in sent {
                self.store(scope, resume);
            }
        }
    }

    fn store(&mut self, scope: &'h Scope, resume: Resume) {
        let stored = self.stored.entry(scope).or_default();
        *stored = resume.rank().max(*stored);
    }

    fn started(&mut self, index: usize, at: Monotonic, start: &'h Start) {
        let signalled = self.closing.get(&start.member);
        if signalled.is_some_and(|(since, _)| at > *since + self.limits.reaction) {
            self.findings.add(index, || format!("{start} started after the signal to shut down"));
        }
        let floor = self.floors.get(&(start.member, &start.place.scope)).copied().unwrap_or(0);
        let tenure = self.tenures.of(start.member, &start.place.scope);
        // Where a partition came back without a release, what was queued before may still start for a moment.
        let settled_in = tenure.is_none_or(|t| t.clean || at > t.since + self.limits.reaction);
        let again = start.place.position.value() < floor && settled_in;
        if again && !self.redriven.contains(&start.place) {
            self.findings.add(index, || format!("{start} was committed, and is handled again"));
        }
    }

    fn late(&mut self, length: usize, end: Monotonic) {
        let mut late: Vec<_> = self.closing.iter().collect();
        late.sort();
        for (member, (_, deadline)) in late {
            if end > *deadline + self.limits.reaction {
                self.findings.add(length, || format!("bus {} is not closed by its deadline", member.0));
            }
        }
    }
}

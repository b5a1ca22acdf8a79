//! I8: when quiet, committed reaches the end.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::track::{Audience, Log, Settled, Tenures};
use super::violation::{Findings, Violation};
use crate::dead_letter::AfterDeadLetter;
use crate::parking::Scope;
use crate::position::Resume;
use crate::time::Monotonic;

/// When each partition went quiet for good, and how far it is committed.
#[derive(Default)]
struct Progress<'h> {
    /// The last time that something of the partition began, ended or changed hands.
    busy: HashMap<&'h Scope, Monotonic>,
    committed: HashMap<&'h Scope, u64>,
    blocked: HashSet<&'h Scope>,
    /// When the last connection came back; never while one is down.
    down: usize,
    connected: Monotonic,
}

/// Judged at the end of the history, for partitions that have an owner and have been quiet for longer than
/// [`Limits::commit_lag`], with all they hold terminal. Partitions that a dead letter blocks are left out.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let (log, audience) = (Log::of(history), Audience::of(history));
    let (mut settled, mut tenures) = (Settled::new(limits), Tenures::default());
    let mut progress = Progress::default();
    for (_, at, what) in history.iter() {
        settled.observe(what);
        tenures.observe(at, what);
        progress.observe(at, what, limits);
    }
    let mut findings = Findings::of(Invariant::I8);
    for (name, scope) in progress.overdue(history.end(), limits) {
        let entries = log.entries(scope);
        let all = |position| settled.holds(scope, position) || audience.is_before(scope, position);
        let Some(last) = entries.last().filter(|_| entries.iter().all(|entry| all(entry.position))) else {
            continue;
        };
        let reached = progress.committed.get(scope).is_some_and(|rank| *rank > last.position.value());
        if !reached && !audience.is_before(scope, last.position) && !tenures.owners(scope).is_empty() {
            findings
                .add(history.len(), || format!("{name} is quiet, and {} is not committed", last.position));
        }
    }
    findings.done()
}

impl<'h> Progress<'h> {
    fn observe(&mut self, at: Monotonic, what: &'h Happening, limits: &Limits) {
        match what {
            Happening::Assigned { scope, stored, .. } => {
                self.busy.insert(scope, at);
                self.commit(scope, stored.map_or(0, Resume::rank));
            }
            Happening::HandlerStarted(start) => {
                self.busy.insert(&start.place.scope, at);
            }
            Happening::HandlerEnded { .. } | Happening::Crashed { .. } => {
                // Whose run it was is not looked up: a run that ends shows that its bus is not quiet yet.
                self.connected = self.connected.max(at);
            }
            Happening::DeadLettered { place, parks, .. } => {
                self.busy.insert(&place.scope, at);
                if limits.after_dead_letter == AfterDeadLetter::Block && !parks {
                    self.blocked.insert(&place.scope);
                }
            }
            Happening::Parked { place, .. } | Happening::Skipped { place } => {
                self.busy.insert(&place.scope, at);
            }
            Happening::GapReported { scope, .. } => {
                self.busy.insert(scope, at);
            }
            Happening::Committed { scope, resume, .. } => self.commit(scope, resume.rank()),
            Happening::ConnectionDown { .. } => self.down += 1,
            Happening::ConnectionUp { .. } => {
                self.down = self.down.saturating_sub(1);
                self.connected = at;
            }
            _ => {}
        }
    }

    fn commit(&mut self, scope: &'h Scope, rank: u64) {
        let committed = self.committed.entry(scope).or_default();
        *committed = rank.max(*committed);
    }

    /// The partitions whose commit is due at `end`, by name.
    fn overdue(&self, end: Monotonic, limits: &Limits) -> BTreeMap<String, &'h Scope> {
        let due = |since: Monotonic| since.max(self.connected) + limits.commit_lag < end && self.down == 0;
        let overdue =
            self.busy.iter().filter(|(scope, since)| due(**since) && !self.blocked.contains(**scope));
        let name = |scope: &Scope| format!("{}/{} of group {}", scope.topic, scope.partition, scope.group);
        overdue.map(|(scope, _)| (name(scope), *scope)).collect()
    }
}

//! What a scenario's buses and handlers did, and which invariants that keeps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_domain::invariant::{Happening, History, Invariant, Limits, MemberId, Moment};
use laneway_domain::{AfterDeadLetter, Epoch};

use crate::checkers;
use crate::history::Recorder;

/// The record of a world. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) recorder: Recorder,
    terms: Arc<Mutex<Terms>>,
}

/// How it is judged.
#[derive(Debug)]
struct Terms {
    limits: Limits,
    invariants: Vec<Invariant>,
}

/// What every scenario keeps, whatever it does.
const ALWAYS: [Invariant; 6] =
    [Invariant::I2, Invariant::I3, Invariant::I4, Invariant::I7, Invariant::I10, Invariant::I18];

impl Record {
    pub(crate) fn new(recorder: Recorder) -> Self {
        let invariants = [&ALWAYS[..], &[Invariant::I1]].concat();
        Self { recorder, terms: Arc::new(Mutex::new(Terms { limits: Limits::default(), invariants })) }
    }

    fn terms(&self) -> MutexGuard<'_, Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the scenario ends with events that nobody has handled.
    pub(crate) fn may_leave_events(&self) {
        self.terms().invariants.retain(|invariant| *invariant != Invariant::I1);
    }

    /// Says that events of one aggregate may run at once.
    pub(crate) fn may_leave_lanes(&self) {
        self.terms().invariants.retain(|invariant| !matches!(invariant, Invariant::I3 | Invariant::I4));
    }

    /// Says that dead letters block their lanes.
    pub(crate) fn blocks(&self) {
        self.terms().limits.after_dead_letter = AfterDeadLetter::Block;
    }

    /// How many partitions were assigned so far, each time counted.
    pub(crate) fn assignments(&self) -> usize {
        let history = self.recorder.history();
        let assigned = |moment: &&Moment| matches!(moment.what, Happening::Assigned { .. });
        history.moments().iter().filter(assigned).count()
    }

    /// Which partitions have been quiet for longer than `lag`, and are not committed to their end (I8); nothing where
    /// all are. A commit counts that the broker says it has stored, not one that was asked for.
    pub(crate) fn not_stored_within(&self, lag: Duration) -> Option<String> {
        let recorded = self.recorder.history();
        let mut history = History::new();
        for Moment { at, what } in recorded.moments() {
            history.push(
                *at,
                match what {
                    Happening::Committed { .. } => continue,
                    Happening::CommitStored { scope, resume } => {
                        let (member, epoch) = (MemberId(0), Epoch(0));
                        Happening::Committed { member, scope: scope.clone(), epoch, resume: *resume }
                    }
                    other => other.clone(),
                },
            );
        }
        history.watched_until(recorded.end());
        let limits = Limits { commit_lag: lag, ..self.terms().limits.clone() };
        let violations = checkers::check(&history, &[Invariant::I8], &limits);
        (!violations.is_empty()).then(|| checkers::report(&history, &violations))
    }

    /// What is wrong with what happened, in words; nothing where all is well.
    pub(crate) fn objections(&self) -> Option<String> {
        let (history, terms) = (self.recorder.history(), self.terms());
        let violations = checkers::check(&history, &terms.invariants, &terms.limits);
        (!violations.is_empty()).then(|| checkers::report(&history, &violations))
    }
}

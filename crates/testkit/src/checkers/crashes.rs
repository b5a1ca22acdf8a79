//! Who may be blamed for crashes.

use std::collections::{BTreeMap, HashMap};

use laneway_domain::DeathCause;
use laneway_domain::invariant::{Happening, History, Invariant, MemberId, Outcome, Place, RunId, Violation};

/// How many runs have to be cut off, with nothing beside them in their process, before their event may be blamed.
const LONE: usize = 3;

/// Dead letters of events that crashes are blamed on, although fewer than three runs of theirs ended with their process or
/// its ownership while nothing else ran there.
#[must_use]
pub fn blameless(history: &History) -> Vec<Violation> {
    let mut blame = Blame::default();
    for (at, moment) in history.moments().iter().enumerate() {
        blame.observe(at, &moment.what);
    }
    blame.found
}

#[derive(Default)]
struct Blame<'h> {
    runs: BTreeMap<RunId, (MemberId, &'h Place)>,
    /// How often a run of an event was cut off while it was alone.
    alone: HashMap<&'h Place, usize>,
    found: Vec<Violation>,
}

impl<'h> Blame<'h> {
    fn observe(&mut self, at: usize, what: &'h Happening) {
        match what {
            Happening::HandlerStarted(start) => {
                self.runs.insert(start.run, (start.member, &start.place));
            }
            Happening::HandlerEnded { run, outcome } => {
                if let Some((member, place)) = self.runs.remove(run)
                    && *outcome == Outcome::Dropped
                    && !self.runs.values().any(|(other, _)| *other == member)
                {
                    *self.alone.entry(place).or_default() += 1;
                }
            }
            Happening::Crashed { member } => self.crash(*member),
            Happening::DeadLettered { place, cause: DeathCause::Crashes, .. } => self.judge(at, place),
            _ => {}
        }
    }

    fn crash(&mut self, member: MemberId) {
        let cut: Vec<_> = self.runs.extract_if(.., |_, (of, _)| *of == member).collect();
        if let [(_, (_, place))] = cut[..] {
            *self.alone.entry(place).or_default() += 1;
        }
    }

    fn judge(&mut self, at: usize, place: &'h Place) {
        let alone = self.alone.get(place).copied().unwrap_or(0);
        if alone < LONE {
            let what = format!("{place} is blamed for crashes, and only {alone} found it alone");
            self.found.push(Violation { invariant: Invariant::I10, at, what });
        }
    }
}

//! Which handlers run.

use std::collections::HashMap;

use crate::invariant::happening::Happening;
use crate::invariant::place::Start;
use crate::invariant::terms::{MemberId, Outcome, RunId};

/// The runs that are open at one point of a history.
#[derive(Default)]
pub(in crate::invariant) struct Runs<'h> {
    open: HashMap<RunId, &'h Start>,
}

impl<'h> Runs<'h> {
    /// Takes the next happening; answers with the runs that it ended. A crash drops every run of its member.
    pub(in crate::invariant) fn observe(&mut self, what: &'h Happening) -> Vec<(&'h Start, Outcome)> {
        match what {
            Happening::HandlerStarted(start) => {
                self.open.insert(start.run, start);
                Vec::new()
            }
            Happening::HandlerEnded { run, outcome } => {
                self.open.remove(run).map(|start| (start, *outcome)).into_iter().collect()
            }
            Happening::Crashed { member } => self.crash(*member),
            _ => Vec::new(),
        }
    }

    fn crash(&mut self, member: MemberId) -> Vec<(&'h Start, Outcome)> {
        let mut ended: Vec<_> = self.open.values().filter(|start| start.member == member).copied().collect();
        ended.sort_by_key(|start| start.run);
        self.open.retain(|_, start| start.member != member);
        ended.into_iter().map(|start| (start, Outcome::Dropped)).collect()
    }

    /// The open ones, by number.
    pub(in crate::invariant) fn open(&self) -> Vec<&'h Start> {
        let mut open: Vec<_> = self.open.values().copied().collect();
        open.sort_by_key(|start| start.run);
        open
    }
}

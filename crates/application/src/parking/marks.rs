//! The marks of a lot: up to where what is redelivered of an aggregate was in the store before.

use std::collections::HashMap;

use laneway_domain::{AggregateKey, Position, Resume};

use crate::sabotage::{Bug, is_planted};

/// The last positions of aggregates that the store has or had.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Of aggregates whose entries have all left: what is redelivered of them is settled.
    left: HashMap<AggregateKey, Position>,
    /// Of aggregates that were parked when the scope was claimed: what is redelivered of them is settled too, also while
    /// their lanes open again.
    found: HashMap<AggregateKey, Position>,
    /// Nothing up to these marks can be redelivered any more: the store may forget them.
    passed: Vec<AggregateKey>,
    /// Where the group stands for sure.
    stands: Option<Resume>,
}

impl Marks {
    pub(crate) fn new(stands: Option<Resume>) -> Self {
        Self { stands, ..Self::default() }
    }

    /// An aggregate was parked when the scope was claimed.
    pub(crate) fn found(&mut self, key: AggregateKey, last: Position) {
        self.found.insert(key, last);
    }

    /// Everything of an aggregate has left: its mark is kept, unless nothing up to it can be redelivered.
    pub(crate) fn left(&mut self, key: AggregateKey, last: Position) {
        if self.stands.is_some_and(|stands| stands.is_past(last)) {
            self.passed.push(key);
        } else {
            self.left.insert(key, last);
        }
    }

    /// Something of an aggregate is in the store again.
    pub(crate) fn parked(&mut self, key: &AggregateKey) {
        self.left.remove(key);
    }

    /// Whether an event is in the store, or left it before.
    pub(crate) fn has(&self, key: &AggregateKey, position: Position) -> bool {
        if is_planted(Bug::RedeliveredParksAgain) {
            return false;
        }
        [&self.left, &self.found].into_iter().filter_map(|known| known.get(key)).any(|last| position <= *last)
    }

    /// Whether there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.left.is_empty() && self.found.is_empty()
    }

    /// The group stands here for sure: marks that are passed go. Whether there are any.
    pub(crate) fn committed(&mut self, resume: Resume) -> bool {
        self.stands = Some(resume);
        let passed = self.left.extract_if(|_, last| resume.is_past(*last)).map(|(key, _)| key);
        self.passed.extend(passed);
        self.found.retain(|_, last| !resume.is_past(*last));
        !self.passed.is_empty()
    }

    /// Takes out those that the store may forget.
    pub(crate) fn take_passed(&mut self) -> Option<Vec<AggregateKey>> {
        (!self.passed.is_empty()).then(|| std::mem::take(&mut self.passed))
    }
}

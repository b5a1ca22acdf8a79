//! The parked aggregates of a lot, and the errands under way in them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use laneway_domain::{AggregateKey, Monotonic, Position};

use super::errand::{Errand, Kind, Stage};
use super::pace::Paces;

/// When an aggregate is looked at again that could not be redriven when it was due.
pub(super) const LATER: Duration = Duration::from_secs(1);

/// What is known of each parked aggregate.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    parked: HashMap<AggregateKey, Known>,
    /// When the next attempt of which aggregate is due.
    due: BTreeSet<(Monotonic, AggregateKey)>,
    to_read: VecDeque<AggregateKey>,
}

#[derive(Debug)]
struct Known {
    /// The last position that the store has of it.
    last: Position,
    due: Option<Monotonic>,
    errand: Option<Errand>,
}

impl Errands {
    /// An entry of an aggregate is in the store; with when it is tried again, where it is its head.
    pub(crate) fn parked(&mut self, key: AggregateKey, last: Position, due: Option<Monotonic>) {
        let known = self.parked.entry(key.clone()).or_insert(Known { last, due: None, errand: None });
        known.last = known.last.max(last);
        if due.is_some() {
            self.wait(key, due);
        }
    }

    /// Says when the next attempt of an aggregate is due; none where only an operator wakes it.
    pub(crate) fn wait(&mut self, key: AggregateKey, due: Option<Monotonic>) {
        let Some(known) = self.parked.get_mut(&key) else { return };
        if let Some(before) = std::mem::replace(&mut known.due, due) {
            self.due.remove(&(before, key.clone()));
        }
        self.due.extend(due.map(|due| (due, key)));
    }

    /// Whether an aggregate is parked.
    pub(crate) fn has(&self, key: &AggregateKey) -> bool {
        self.parked.contains_key(key)
    }

    /// The last position that the store has of an aggregate.
    pub(crate) fn last(&self, key: &AggregateKey) -> Option<Position> {
        self.parked.get(key).map(|known| known.last)
    }

    /// Begins an errand; gives it back where one is under way.
    pub(crate) fn begin(&mut self, key: &AggregateKey, errand: Errand) -> Result<(), Errand> {
        match self.parked.get_mut(key) {
            Some(known) if known.errand.is_none() => {
                if errand.stage == Stage::ToRead {
                    self.to_read.push_back(key.clone());
                }
                known.errand = Some(errand);
                Ok(())
            }
            _ => Err(errand),
        }
    }

    /// Whether an errand is under way in an aggregate.
    pub(crate) fn is_busy(&self, key: &AggregateKey) -> bool {
        self.parked.get(key).is_some_and(|known| known.errand.is_some())
    }

    /// The errand under way in an aggregate.
    pub(crate) fn errand(&mut self, key: &AggregateKey) -> Option<&mut Errand> {
        self.parked.get_mut(key)?.errand.as_mut()
    }

    /// An errand wants its next page.
    pub(crate) fn read_on(&mut self, key: &AggregateKey) {
        if let Some(errand) = self.errand(key) {
            errand.stage = Stage::ToRead;
            self.to_read.push_back(key.clone());
        }
    }

    /// Ends the errand of an aggregate.
    pub(crate) fn end(&mut self, key: &AggregateKey) -> Option<Errand> {
        self.parked.get_mut(key)?.errand.take()
    }

    /// An aggregate is no longer parked; its last position, and the errand that ended with that.
    pub(crate) fn opened(&mut self, key: &AggregateKey) -> Option<(Position, Option<Errand>)> {
        self.wait(key.clone(), None);
        let known = self.parked.remove(key)?;
        Some((known.last, known.errand))
    }

    /// The next page to read: of which aggregate, behind what, how many.
    pub(crate) fn next_page(
        &mut self,
        paces: &mut Paces,
        now: Monotonic,
    ) -> Result<Option<(AggregateKey, Option<Position>, usize)>, Monotonic> {
        self.wake(now);
        let mut again = Monotonic::NEVER;
        for _ in 0..self.to_read.len() {
            let Some(key) = self.to_read.pop_front() else { break };
            let errand = self.parked.get_mut(&key).and_then(|known| known.errand.as_mut());
            let Some(errand) = errand.filter(|errand| errand.stage == Stage::ToRead) else { continue };
            let limit = match errand.kind {
                Kind::Redrive(Some(per_second)) => paces.take(per_second, errand.page(), now),
                _ => Ok(errand.page()),
            };
            match limit {
                Ok(limit) => {
                    errand.stage = Stage::Reading;
                    let after = errand.cursor;
                    return Ok(Some((key, after, limit)));
                }
                Err(free) => {
                    again = again.min(free);
                    self.to_read.push_back(key);
                }
            }
        }
        if again == Monotonic::NEVER { Ok(None) } else { Err(again.min(self.next_due())) }
    }

    /// Begins to redrive aggregates whose next attempt is due.
    fn wake(&mut self, now: Monotonic) {
        while let Some((_, key)) = self.due.first().filter(|(due, _)| *due <= now).cloned() {
            let begun = self.begin(&key, Errand::new(Kind::Redrive(None), None));
            // One with an errand of an operator is looked at again.
            self.wait(key, begun.err().map(|_| now + LATER));
        }
    }

    /// When something is to be done even if nobody asks.
    pub(crate) fn next_due(&self) -> Monotonic {
        self.due.first().map_or(Monotonic::NEVER, |(due, _)| *due)
    }
}

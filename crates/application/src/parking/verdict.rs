//! What a lot hears of what it fed into lanes.

use laneway_domain::{AggregateKey, Answer, Monotonic, Position, Resolution, Timestamp};

use super::errand::Errand;
use super::errands::LATER;
use super::lot::{Lot, at, due};

impl Lot {
    /// An entry that was in its lane has an end, or stays.
    pub(crate) fn resolved(
        &mut self,
        key: Option<AggregateKey>,
        position: Position,
        resolution: Resolution,
        now: (Monotonic, Timestamp),
    ) {
        let handled = resolution.leaves();
        self.begun.over(position);
        if let Some(key) = key {
            match &resolution {
                _ if handled => self.errands.errand(&key).into_iter().for_each(|errand| errand.count += 1),
                Resolution::Stays(state) => {
                    self.begun.give_back_of(&key, &mut self.verdicts);
                    let errand = self.errands.end(&key);
                    self.wishes.answer_for(errand.as_ref(), Answer::FailedAgain);
                    self.errands.wait(key, due(state).map(|due| at(due, now)));
                }
                _ => {}
            }
        } else if let Some(wish) = self.wishes.was_loose(position) {
            self.wishes.answer(wish, if handled { Answer::Done(1) } else { Answer::FailedAgain(0) });
        }
        self.verdicts.push((position, resolution));
    }

    /// What was fed into a lane is through, and more is to come.
    pub(crate) fn page_done(&mut self, key: &AggregateKey) {
        self.errands.read_on(key);
    }

    /// What was fed did not get into its lane: the wish is asked for again later.
    pub(crate) fn later(&mut self, key: &AggregateKey, now: Monotonic) {
        self.begun.give_back_of(key, &mut self.verdicts);
        match self.errands.end(key) {
            Some(Errand { wish: Some(id), .. }) => self.wishes.later(id),
            Some(_) => self.errands.wait(key.clone(), Some(now + LATER)),
            None => {}
        }
    }

    /// A letter did not get into its lane: the wish is asked for again.
    pub(crate) fn missed(&mut self, position: Position) {
        self.begun.give_back(position, &mut self.verdicts);
        self.wishes.was_loose(position).into_iter().for_each(|wish| self.wishes.later(wish));
    }

    /// A lane is open again: nothing of its aggregate is in the store.
    pub(crate) fn opened(&mut self, key: &AggregateKey) {
        if let Some((last, errand)) = self.errands.opened(key) {
            self.marks.left(key.clone(), last);
            self.wishes.answer_for(errand.as_ref(), Answer::Done);
        }
    }
}

//! The wishes of a lot: what operators ask of it, from when it hears of one until the store has the answer.

use std::collections::{HashMap, HashSet, VecDeque};

use laneway_domain::{Answer, Position, Wish, WishId, WishTarget};

use super::call::Call;
use super::errand::Errand;

/// What is asked for, and what is to be answered.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Those that are taken up and not answered.
    taken: HashSet<WishId>,
    /// Those that were answered since operators' wishes were asked for last: that list may still name them.
    answered: HashSet<WishId>,
    /// For single entries, which have to be read first.
    entries: VecDeque<Wish>,
    /// Entries of aggregates that are not parked, in their lanes for a wish.
    loose: HashMap<Position, WishId>,
    /// What has to be written.
    answers: Vec<(WishId, Answer)>,
}

impl Wishes {
    /// How many are taken up.
    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }

    /// Whether an answer is not in the store yet.
    pub(crate) fn are_busy(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Operators' wishes are asked for: the list will not name what is answered by now.
    pub(crate) fn ask(&mut self) {
        self.answered.clear();
    }

    /// Takes a wish up; not one that is taken up already or has its answer.
    pub(crate) fn take(&mut self, id: WishId) -> bool {
        !self.answered.contains(&id) && self.taken.insert(id)
    }

    pub(crate) fn is_taken(&self, id: WishId) -> bool {
        self.taken.contains(&id)
    }

    /// A wish has to wait: it is given back, and heard of again.
    pub(crate) fn later(&mut self, id: WishId) {
        self.taken.remove(&id);
    }

    /// Its entry has to be read.
    pub(crate) fn read(&mut self, wish: Wish) {
        self.entries.push_back(wish);
    }

    /// Its entry has to be read again, before any other.
    pub(crate) fn read_again(&mut self, wish: Wish) {
        self.entries.push_front(wish);
    }

    /// The next entry to read.
    pub(crate) fn next_entry(&mut self) -> Option<Call> {
        let wish = self.entries.pop_front()?;
        let WishTarget::Entry(position) = wish.target else { unreachable!("only entries wait there") };
        Some(Call::Entry { wish: Box::new(wish), position })
    }

    /// The entry of a wish is in its lane, which is not parked.
    pub(crate) fn is_loose(&mut self, position: Position, wish: WishId) {
        self.loose.insert(position, wish);
    }

    /// The entry of a wish is no longer in its lane, which is not parked.
    pub(crate) fn was_loose(&mut self, position: Position) -> Option<WishId> {
        self.loose.remove(&position)
    }

    /// What became of a wish.
    pub(crate) fn answer(&mut self, id: WishId, answer: Answer) {
        self.answers.push((id, answer));
    }

    /// What became of the wish that an errand was for, if it was for one.
    pub(crate) fn answer_for(&mut self, errand: Option<&Errand>, answer: impl Fn(u64) -> Answer) {
        if let Some(Errand { wish: Some(id), count, .. }) = errand {
            self.answers.push((*id, answer(*count)));
        }
    }

    /// Takes out the answers that have to be written.
    pub(crate) fn take_answers(&mut self) -> Option<Vec<(WishId, Answer)>> {
        (!self.answers.is_empty()).then(|| std::mem::take(&mut self.answers))
    }

    /// The store has the answers.
    pub(crate) fn told(&mut self, answers: Vec<(WishId, Answer)>) {
        for (id, _) in answers {
            self.taken.remove(&id);
            self.answered.insert(id);
        }
    }
}

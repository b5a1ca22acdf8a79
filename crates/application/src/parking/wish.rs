//! What a lot does when it hears of a wish, and with the single entry that was read for one.

use laneway_domain::{Act, AggregateKey, Answer, ParkEntry, Position, Resolution, Wish, WishId, WishTarget};

use super::deed::{Deed, Feed};
use super::errand::{Errand, Kind};
use super::lot::Lot;

impl Lot {
    /// Takes a wish up, and says whether it did: one that is taken up already is passed over, and one that has to wait
    /// is asked for again.
    pub(crate) fn wish(&mut self, wish: Wish) -> bool {
        if !self.wishes.take(wish.id) {
            return false;
        }
        let id = wish.id;
        match &wish.target {
            WishTarget::Entry(_) => self.wishes.read(wish),
            WishTarget::Aggregate(key) => self.errand(&key.clone(), &wish),
        }
        self.wishes.is_taken(id)
    }

    /// Begins an errand for a wish.
    fn errand(&mut self, key: &AggregateKey, wish: &Wish) {
        let kind = match wish.act {
            Act::Redrive { per_second } => Kind::Redrive(per_second),
            Act::Skip => Kind::Skip,
            Act::Purge => Kind::Purge,
            // Only an entry has a content.
            Act::Edit(_) => return self.wishes.answer(wish.id, Answer::Nothing),
        };
        if self.errands.begin(key, Errand::new(kind, Some(wish.id))).is_err() {
            self.refuse(key, wish);
        }
    }

    /// An aggregate is not parked any more, or its next attempt is under way: then the wish is asked for again later.
    fn refuse(&mut self, key: &AggregateKey, wish: &Wish) {
        if self.errands.has(key) {
            self.wishes.later(wish.id);
        } else {
            self.wishes.answer(wish.id, Answer::Nothing);
        }
    }

    /// The entry of a wish was read.
    pub(super) fn entry(&mut self, wish: Wish, entries: Vec<ParkEntry>, deeds: &mut Vec<Deed>) {
        let Some(entry) = entries.into_iter().next() else {
            return self.wishes.answer(wish.id, Answer::Nothing);
        };
        let position = entry.event.position;
        let parked = entry.key.clone().filter(|key| self.errands.has(key));
        if parked.as_ref().is_some_and(|key| self.errands.is_busy(key)) {
            // It may be in its lane: the wish is asked for again later.
            self.wishes.later(wish.id);
            return;
        }
        match wish.act {
            Act::Edit(body) => {
                self.verdicts.push((position, Resolution::Edited(body)));
                self.wishes.answer(wish.id, Answer::Done(1));
            }
            Act::Skip | Act::Purge => {
                self.verdicts.push((position, Resolution::Skipped));
                self.wishes.answer(wish.id, Answer::Done(1));
                if let Some(key) = parked {
                    drop(self.errands.begin(&key, Errand::new(Kind::Check, None)));
                }
            }
            Act::Redrive { .. } => match parked {
                Some(key) => self.redrive_one(&key, position, wish.id),
                None => {
                    self.wishes.is_loose(position, wish.id);
                    let feed = Feed::new(entry.key.clone(), vec![entry], None);
                    self.begun.begin(Feed { loose: true, ..feed }, &mut self.verdicts, deeds);
                }
            },
        }
    }

    /// Redrives an entry of a parked aggregate alone, if it is the first: what is first may have changed since the operator
    /// asked, so it is read.
    fn redrive_one(&mut self, key: &AggregateKey, position: Position, wish: WishId) {
        if self.errands.begin(key, Errand::new(Kind::Alone(position), Some(wish))).is_err() {
            self.wishes.later(wish);
        }
    }
}

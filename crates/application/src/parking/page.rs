//! What a lot does with a page of an aggregate that was read for an errand.

use laneway_domain::{AggregateKey, Answer, Monotonic, ParkEntry, Position, Resolution};

use super::deed::{Deed, Feed};
use super::errand::{Kind, Stage};
use super::errands::LATER;
use super::lot::Lot;
use crate::sabotage::{Bug, is_planted};

impl Lot {
    /// A page without entries says that nothing is left, whatever the store said before.
    pub(super) fn page(
        &mut self,
        key: AggregateKey,
        mut entries: Vec<ParkEntry>,
        now: Monotonic,
        deeds: &mut Vec<Deed>,
    ) {
        let upto = self.errands.last(&key);
        let Some(errand) = self.errands.errand(&key) else { return };
        // A store that says the same again must not make a redrive endless.
        entries.retain(|entry| errand.cursor.is_none_or(|cursor| entry.event.position > cursor));
        let first = entries.first().map(|entry| entry.event.position);
        errand.cursor = entries.last().map(|entry| entry.event.position).or(errand.cursor);
        match errand.kind {
            _ if entries.is_empty() && self.intake.rejects(&key) => self.ends_early(&key, now),
            _ if entries.is_empty() => {
                errand.stage = Stage::AtWork;
                self.begun.begin(Feed::new(Some(key), entries, upto), &mut self.verdicts, deeds);
            }
            Kind::Redrive(_) => {
                if is_planted(Bug::FollowerBeforeParkedHead) {
                    entries.reverse();
                }
                errand.stage = Stage::AtWork;
                let upto = upto.filter(|upto| errand.cursor >= Some(*upto));
                self.begun.begin(Feed::new(Some(key), entries, upto), &mut self.verdicts, deeds);
            }
            Kind::Alone(position) if first != Some(position) => self.comes_behind(&key, first),
            Kind::Alone(_) => {
                (errand.kind, errand.stage) = (Kind::Check, Stage::AtWork);
                self.begun.begin(Feed::new(Some(key), entries, None), &mut self.verdicts, deeds);
            }
            Kind::Check => self.finish(&key),
            Kind::Skip | Kind::Purge => {
                errand.count += entries.len() as u64;
                if errand.kind == Kind::Skip {
                    errand.kind = Kind::Check;
                }
                let skipped = entries.iter().map(|entry| (entry.event.position, Resolution::Skipped));
                self.verdicts.extend(skipped);
                self.errands.read_on(&key);
            }
        }
    }

    /// An errand has come to an event that the store rejects: that waits outside, and the lane stays parked for it.
    fn ends_early(&mut self, key: &AggregateKey, now: Monotonic) {
        let errand = self.errands.end(key);
        let redrives =
            errand.as_ref().is_some_and(|errand| matches!(errand.kind, Kind::Redrive(_) | Kind::Alone(_)));
        self.wishes.answer_for(errand.as_ref(), if redrives { Answer::FailedAgain } else { Answer::Done });
        if errand.is_some_and(|errand| errand.wish.is_none()) {
            self.errands.wait(key.clone(), Some(now + LATER));
        }
    }

    /// The entry that is to be redriven alone is not the first of its aggregate: it must not run ahead of that.
    fn comes_behind(&mut self, key: &AggregateKey, first: Option<Position>) {
        let errand = self.errands.end(key);
        let answer = |_| first.map_or(Answer::Nothing, Answer::Behind);
        self.wishes.answer_for(errand.as_ref(), answer);
    }

    /// An errand is through; its aggregate stays parked, or is open already.
    fn finish(&mut self, key: &AggregateKey) {
        let errand = self.errands.end(key);
        self.wishes.answer_for(errand.as_ref(), Answer::Done);
    }
}

//! Entries whose attempts have begun, and what the store knows of that.
//!
//! The position of an entry is settled, so no checkpoint tells that it was under way when its process crashed: the entry
//! itself does. Before entries go into their lane the store is told that they have begun, in one write a page, and it
//! forgets that with the next verdict. An entry that is read with it set has been under way when a process went. After a few
//! of those it is *suspected*: the store is told when the probation names it, and no longer than that, so whoever waits while
//! somebody else runs alone is not counted with it. What did not run after all is given back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use laneway_domain::{AggregateKey, Begun, Claim, Position, Resolution};

use super::call::Call;
use super::deed::{Deed, Feed};
use super::lot::Lot;
use super::said::Verdicts;

/// Who counts crashes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counting {
    /// Names the process.
    pub(crate) process: u32,
    /// Crashes after which an entry is suspected.
    pub(crate) after: u32,
}

/// The entries of a lot that are in their lanes, or on their way there.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// None where nobody counts: then it stays empty.
    counting: Option<Counting>,
    entries: BTreeMap<Position, Entry>,
    /// What goes into its lane when this verdict is in the store.
    feeds: VecDeque<(u64, Feed)>,
    /// Whether the tenure ends: nothing begins any more.
    is_over: bool,
}

#[derive(Debug)]
struct Entry {
    /// Whose lane it is fed to with others; none for one that closes no lane.
    key: Option<AggregateKey>,
    crashes: u32,
    /// Whether the store is told that it may be running.
    is_told: bool,
}

impl UnderWay {
    pub(crate) fn new(counting: Option<Counting>) -> Self {
        Self { counting, entries: BTreeMap::new(), feeds: VecDeque::new(), is_over: false }
    }

    /// Entries are to go into their lane: at once, or when the store knows that they have begun.
    pub(crate) fn begin(&mut self, mut feed: Feed, verdicts: &mut Verdicts, deeds: &mut Vec<Deed>) {
        let Some(counting) = self.counting else { return deeds.push(Deed::Feed(feed)) };
        if self.is_over {
            return;
        }
        let mut waits = false;
        for entry in &feed.entries {
            let (position, crashes) = (entry.event.position, entry.begun.crashes_before(counting.process));
            let is_told = crashes < counting.after;
            if is_told {
                verdicts.push((position, counting.says(crashes, true)));
            } else {
                feed.suspected.push((position, crashes));
            }
            let key = entry.key.clone().filter(|_| !feed.loose);
            self.entries.insert(position, Entry { key, crashes, is_told });
            waits |= is_told;
        }
        if waits {
            self.feeds.push_back((verdicts.last(), feed));
        } else {
            deeds.push(Deed::Feed(feed));
        }
    }

    /// What may go into its lane now that these verdicts are in the store.
    pub(crate) fn written(&mut self, verdicts: &Verdicts, deeds: &mut Vec<Deed>) {
        while let Some((_, feed)) = self.feeds.pop_front_if(|(behind, _)| *behind <= verdicts.written()) {
            deeds.push(Deed::Feed(feed));
        }
    }

    /// Of those that are suspected, these may run from now on, and no others.
    pub(crate) fn name(&mut self, named: &BTreeSet<Position>, verdicts: &mut Verdicts) {
        let Some(counting) = self.counting else { return };
        for (position, entry) in &mut self.entries {
            let runs = named.contains(position);
            if entry.crashes >= counting.after && entry.is_told != runs {
                entry.is_told = runs;
                verdicts.push((*position, counting.says(entry.crashes, runs)));
            }
        }
    }

    /// Whether an entry is in its lane, or on its way there.
    pub(crate) fn has(&self, position: Position) -> bool {
        self.entries.contains_key(&position)
    }

    /// An entry has a verdict.
    pub(crate) fn over(&mut self, position: Position) {
        self.entries.remove(&position);
    }

    /// An entry did not run.
    pub(crate) fn give_back(&mut self, position: Position, verdicts: &mut Verdicts) {
        let (Some(counting), Some(entry)) = (self.counting, self.entries.remove(&position)) else { return };
        if entry.is_told {
            verdicts.push((position, counting.says(entry.crashes, false)));
        }
    }

    /// What is left of an aggregate's did not run.
    pub(crate) fn give_back_of(&mut self, key: &AggregateKey, verdicts: &mut Verdicts) {
        let theirs = self.entries.iter().filter(|(_, entry)| entry.key.as_ref() == Some(key));
        let theirs: Vec<Position> = theirs.map(|(position, _)| *position).collect();
        theirs.into_iter().for_each(|position| self.give_back(position, verdicts));
    }

    /// The tenure ends in order, with nothing running.
    pub(crate) fn give_back_all(&mut self, verdicts: &mut Verdicts) {
        self.is_over = true;
        self.feeds.clear();
        while let Some((position, _)) = self.entries.first_key_value() {
            self.give_back(*position, verdicts);
        }
    }
}

impl Counting {
    fn says(self, crashes: u32, runs: bool) -> Resolution {
        Resolution::Begun(Begun { crashes, by: runs.then_some(self.process) })
    }
}

impl Lot {
    /// Of the suspected entries that are under way, these may run from now on, and no others. The number of the verdict
    /// behind which the store knows.
    pub(crate) fn name(&mut self, named: &BTreeSet<Position>) -> u64 {
        self.begun.name(named, &mut self.verdicts);
        self.verdicts.last()
    }

    /// Whether this verdict, and what was said before it, is in the store.
    pub(crate) fn has_written(&self, verdict: u64) -> bool {
        self.verdicts.written() >= verdict
    }

    /// Whether an entry is in its lane, or on its way there.
    pub(crate) fn is_under_way(&self, position: Position) -> bool {
        self.begun.has(position)
    }

    /// An entry was under way, and is a letter now that closes no lane.
    pub(crate) fn buried(&mut self, position: Position) {
        if self.begun.has(position) {
            self.begun.over(position);
            self.verdicts.push((position, Resolution::Begun(Begun::default())));
        }
    }

    /// The tenure ends in order, with nothing running: what is under way is for its next owner, and nobody crashed.
    pub(crate) fn give_back(&mut self) {
        self.begun.give_back_all(&mut self.verdicts);
    }

    /// The write of what waits for one, where none is under way.
    pub(crate) fn last_words(&mut self) -> Option<(Claim, Call)> {
        let claim = self.claim.clone().filter(|_| !self.is_calling() && !self.verdicts.is_empty())?;
        Some((claim, Call::Resolve(self.verdicts.take())))
    }
}

#[cfg(test)]
#[path = "begun_tests.rs"]
mod tests;

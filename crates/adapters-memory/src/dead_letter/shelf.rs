//! A shelf: the entries of one scope.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use laneway_domain::{AggregateKey, ParkEntry, ParkState, ParkedAggregate, Position, Resolution, Waits};

/// Entries by position, and which of them are whose.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Of the newest claim.
    pub(super) fence: u64,
    entries: BTreeMap<Position, ParkEntry>,
    aggregates: HashMap<AggregateKey, Parked>,
}

/// The places of one aggregate's entries; without any, the mark that it leaves.
#[derive(Debug)]
struct Parked {
    positions: BTreeSet<Position>,
    last: Position,
    /// What its head waits for, or the last one that waited for something.
    waits: Waits,
}

impl Shelf {
    /// Keeps an entry, in the place of one with the same position; `parks` where it closes its aggregate. One that parked
    /// and no longer does leaves its aggregate to the others.
    pub(super) fn keep(&mut self, entry: ParkEntry, parks: bool) {
        let position = entry.event.position;
        self.take_out(position);
        if let Some(key) = entry.key.as_ref().filter(|_| parks) {
            let new = || Parked { positions: BTreeSet::new(), last: position, waits: Waits::Dead };
            let parked = self.aggregates.entry(key.clone()).or_insert_with(new);
            parked.positions.insert(position);
            parked.last = parked.last.max(position);
        }
        self.entries.insert(position, entry);
        self.note(position);
    }

    /// Notes what the aggregate of an entry waits for from now on, where the entry is its head.
    fn note(&mut self, position: Position) {
        let Some(entry) = self.entries.get(&position) else { return };
        let waits = match &entry.state {
            ParkState::Backoff { due, .. } => Waits::Until(*due),
            ParkState::Dead(_) => Waits::Dead,
            ParkState::Follower => return,
        };
        let parked = entry.key.as_ref().and_then(|key| self.aggregates.get_mut(key));
        if let Some(parked) = parked.filter(|parked| parked.positions.first() == Some(&position)) {
            parked.waits = waits;
        }
    }

    pub(super) fn entry(&self, position: Position) -> Option<&ParkEntry> {
        self.entries.get(&position)
    }

    /// The entries behind `after`, by position.
    pub(super) fn behind(&self, after: Option<Position>) -> impl Iterator<Item = &ParkEntry> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range((from, Bound::Unbounded)).map(|(_, entry)| entry)
    }

    /// What a new owner has to know.
    pub(super) fn known(&self) -> Vec<ParkedAggregate> {
        let known = |(key, parked): (&AggregateKey, &Parked)| {
            let waits = (!parked.positions.is_empty()).then_some(parked.waits);
            ParkedAggregate { key: key.clone(), last: parked.last, waits }
        };
        self.aggregates.iter().map(known).collect()
    }

    pub(super) fn page(&self, of: &AggregateKey, after: Option<Position>, limit: usize) -> Vec<ParkEntry> {
        let Some(parked) = self.aggregates.get(of) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let positions = parked.positions.range((from, Bound::Unbounded)).take(limit);
        positions.filter_map(|position| self.entries.get(position)).cloned().collect()
    }

    pub(super) fn resolve(&mut self, position: Position, resolution: Resolution) {
        let Some(entry) = self.entries.get_mut(&position) else { return };
        match resolution {
            Resolution::Handled | Resolution::Skipped => self.take_out(position),
            Resolution::Stays(state) => {
                entry.state = state;
                self.note(position);
            }
            Resolution::Edited(body) => entry.event.body = body.detached(),
        }
    }

    fn take_out(&mut self, position: Position) {
        let key = self.entries.remove(&position).and_then(|entry| entry.key);
        if let Some(parked) = key.and_then(|key| self.aggregates.get_mut(&key)) {
            parked.positions.remove(&position);
        }
    }

    /// Takes the mark of an aggregate away, if that is all that is left of it.
    pub(super) fn forget(&mut self, key: &AggregateKey) {
        if self.aggregates.get(key).is_some_and(|parked| parked.positions.is_empty()) {
            self.aggregates.remove(key);
        }
    }

    /// The heads of parked aggregates, with how many entries wait there.
    pub(super) fn heads(&self) -> impl Iterator<Item = (&AggregateKey, &ParkEntry, u64)> {
        self.aggregates.iter().filter_map(|(key, parked)| {
            let head = self.entries.get(parked.positions.first()?)?;
            Some((key, head, parked.positions.len() as u64))
        })
    }

    /// The places of the entries that wait in an aggregate.
    pub(super) fn positions(&self, key: &AggregateKey) -> Option<&BTreeSet<Position>> {
        self.aggregates.get(key).map(|parked| &parked.positions)
    }

    /// The head of the aggregate that an entry waits in; none for an entry that closes no lane.
    pub(super) fn head_of(&self, entry: &ParkEntry) -> Option<(&AggregateKey, Position)> {
        let (key, parked) = self.aggregates.get_key_value(entry.key.as_ref()?)?;
        parked.positions.contains(&entry.event.position).then_some(())?;
        Some((key, *parked.positions.first()?))
    }
}

//! A shelf: the entries of one scope.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use laneway_domain::{
    AggregateKey, Begun, Death, ParkEntry, ParkState, ParkedAggregate, Position, Resolution, Waits,
};

use super::bounds::messages;

/// Entries by position, and which of them are whose.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Of the newest claim.
    pub(super) fence: u64,
    entries: BTreeMap<Position, ParkEntry>,
    aggregates: HashMap<AggregateKey, Parked>,
    /// The bytes of the deaths that are remembered.
    remembered: usize,
}

/// The places of one aggregate's entries; without any, the mark that it leaves.
#[derive(Debug)]
struct Parked {
    positions: BTreeSet<Position>,
    last: Position,
    /// What its head waits for, or the last one that waited for something.
    waits: Waits,
    /// How the head died that left last, while what is first now has no words of its own.
    died: Option<Box<Death>>,
}

impl Parked {
    /// Remembers how a head died, or forgets it; the bytes that the shelf remembers are kept in step.
    fn remember(&mut self, died: Option<Box<Death>>, bytes: &mut usize) {
        *bytes -= self.died.as_deref().map_or(0, messages);
        *bytes += died.as_deref().map_or(0, messages);
        self.died = died;
    }
}

impl Shelf {
    /// Keeps an entry, in the place of one with the same position; `parks` where it closes its aggregate. One that parked
    /// and no longer does leaves its aggregate to the others.
    pub(super) fn keep(&mut self, mut entry: ParkEntry, parks: bool) {
        let position = entry.event.position;
        if let Some(before) = self.entries.get(&position).filter(|_| !parks) {
            entry.begun = before.begun;
        }
        self.take_out(position);
        if let Some(key) = entry.key.as_ref().filter(|_| parks) {
            let new =
                || Parked { positions: BTreeSet::new(), last: position, waits: Waits::Dead, died: None };
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
            parked.remember(None, &mut self.remembered);
        }
    }

    /// The bytes of what is remembered of heads that have left.
    pub(super) const fn remembered(&self) -> usize {
        self.remembered
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
        entry.begun = Begun::default();
        match resolution {
            Resolution::Handled | Resolution::Skipped => self.take_out(position),
            Resolution::Stays(state) => {
                entry.state = state;
                self.note(position);
            }
            Resolution::Edited(body) => entry.event.body = body.detached(),
            Resolution::Begun(begun) => entry.begun = begun,
        }
    }

    fn take_out(&mut self, position: Position) {
        let Some(ParkEntry { key: Some(key), state, .. }) = self.entries.remove(&position) else { return };
        let Some(parked) = self.aggregates.get_mut(&key) else { return };
        let is_head = parked.positions.first() == Some(&position);
        parked.positions.remove(&position);
        match state {
            _ if parked.positions.is_empty() => parked.remember(None, &mut self.remembered),
            ParkState::Dead(death) if is_head => parked.remember(Some(death), &mut self.remembered),
            _ => {}
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

    /// The first place that is parked of the aggregate that an entry is of, whether it waits there or not.
    pub(super) fn first_of(&self, entry: &ParkEntry) -> Option<Position> {
        self.aggregates.get(entry.key.as_ref()?)?.positions.first().copied()
    }

    /// How an entry died; of one that waits, how what it waits behind died, whether that is still there or not.
    pub(super) fn death_of<'a>(&'a self, entry: &'a ParkEntry) -> Option<&'a Death> {
        let died = |entry: &'a ParkEntry| match &entry.state {
            ParkState::Dead(death) => Some(&**death),
            ParkState::Follower | ParkState::Backoff { .. } => None,
        };
        died(entry).or_else(|| {
            let (key, head) = self.head_of(entry)?;
            let head = self.entries.get(&head)?;
            died(head).or_else(|| self.aggregates.get(key)?.died.as_deref())
        })
    }

    /// The head of the aggregate that an entry waits in; none for an entry that closes no lane.
    pub(super) fn head_of(&self, entry: &ParkEntry) -> Option<(&AggregateKey, Position)> {
        let (key, parked) = self.aggregates.get_key_value(entry.key.as_ref()?)?;
        parked.positions.contains(&entry.event.position).then_some(())?;
        Some((key, *parked.positions.first()?))
    }
}

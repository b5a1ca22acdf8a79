//! The open positions of a partition, in delivery order.

use laneway_domain::Position;

/// Names an open position until it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// Of an event that came back from the dead-letter store, where its aggregate is parked: its position is settled.
    pub(crate) const PARKED: Self = Self(u32::MAX - 2);
    /// The same, where its aggregate is not parked.
    pub(crate) const LOOSE: Self = Self(u32::MAX - 3);
    /// Of a marker, which stands for no event.
    pub(crate) const MARKER: Self = Self(u32::MAX - 4);

    /// Whether it stands for an open position of the ledger.
    #[inline]
    pub(crate) const fn is_open(self) -> bool {
        self.0 < Self::MARKER.0
    }
}

const NONE: u32 = u32::MAX;
/// Stands in `prev` of an entry that is free, so that a second settle is noticed.
const FREE: u32 = u32::MAX - 1;

#[derive(Debug, Clone, Copy)]
struct Entry {
    position: u64,
    prev: u32,
    next: u32,
}

/// A doubly linked list in a vector: 16 bytes an entry, everything O(1), any span between oldest and newest.
#[derive(Debug)]
pub(crate) struct OpenList {
    entries: Vec<Entry>,
    free: u32,
    head: u32,
    tail: u32,
    len: usize,
    /// While somebody counts; 16 bytes an entry otherwise.
    numbers: Option<Box<Numbers>>,
}

/// The number of each entry, in the order in which they were opened since counting began: as many as were opened before it.
#[derive(Debug, Default)]
struct Numbers {
    of: Vec<usize>,
    opened: usize,
}

impl Numbers {
    #[cold]
    #[inline(never)]
    fn push(&mut self, at: u32) {
        let at = at as usize;
        if self.of.len() <= at {
            self.of.resize(at + 1, 0);
        }
        self.of[at] = self.opened;
        self.opened += 1;
    }
}

impl OpenList {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), free: NONE, head: NONE, tail: NONE, len: 0, numbers: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Begins to count what is removed, or ends it.
    pub(crate) fn count(&mut self, counts: bool) {
        if counts == self.numbers.is_some() {
            return;
        }
        self.numbers = counts.then(|| {
            let mut numbers = Box::<Numbers>::default();
            self.iter().for_each(|(slot, _)| numbers.push(slot.0));
            numbers
        });
    }

    /// How many were removed since counting began.
    pub(crate) fn removed(&self) -> usize {
        self.numbers.as_ref().map_or(0, |numbers| numbers.opened - self.len)
    }

    /// How many of them stood before the oldest.
    pub(crate) fn passed(&self) -> usize {
        let Some(numbers) = &self.numbers else { return 0 };
        numbers.of.get(self.head as usize).copied().unwrap_or(numbers.opened)
    }

    /// The oldest open position.
    pub(crate) fn head(&self) -> Option<Position> {
        self.entries.get(self.head as usize).map(|entry| Position::new(entry.position))
    }

    /// Opens a position behind all others.
    #[inline]
    pub(crate) fn push(&mut self, position: Position) -> Slot {
        let entry = Entry { position: position.value(), prev: self.tail, next: NONE };
        let at = self.place(entry);
        match self.entries.get_mut(self.tail as usize) {
            Some(last) => last.next = at,
            None => self.head = at,
        }
        self.tail = at;
        self.len += 1;
        if let Some(numbers) = &mut self.numbers {
            numbers.push(at);
        }
        Slot(at)
    }

    #[inline]
    fn place(&mut self, entry: Entry) -> u32 {
        if let Some(place) = self.entries.get_mut(self.free as usize) {
            let at = self.free;
            self.free = place.next;
            *place = entry;
            return at;
        }
        // Credit bounds what is open far below this; the list refuses to hand out a sentinel all the same.
        let at = u32::try_from(self.entries.len()).ok().filter(|at| *at < Slot::MARKER.0);
        let Some(at) = at else { unreachable!("4 billion events are open in one partition") };
        self.entries.push(entry);
        at
    }

    /// Closes a position: whether it was the oldest; nothing if it is not open.
    #[inline]
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<bool> {
        let entries = &mut self.entries[..];
        let place = entries.get_mut(slot.0 as usize).filter(|entry| entry.prev != FREE)?;
        let entry = *place;
        (place.prev, place.next) = (FREE, self.free);
        match entries.get_mut(entry.prev as usize) {
            Some(prev) => prev.next = entry.next,
            None => self.head = entry.next,
        }
        match entries.get_mut(entry.next as usize) {
            Some(next) => next.prev = entry.prev,
            None => self.tail = entry.prev,
        }
        self.free = slot.0;
        self.len -= 1;
        Some(entry.prev == NONE)
    }

    /// The open positions, newest first.
    pub(crate) fn iter_back(&self) -> impl Iterator<Item = Position> + '_ {
        let mut at = self.tail;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            at = entry.prev;
            Some(Position::new(entry.position))
        })
    }

    /// The open positions, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, Position)> + '_ {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let entry = self.entries.get(at as usize)?;
            let slot = Slot(at);
            at = entry.next;
            Some((slot, Position::new(entry.position)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_takes_sixteen_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }

    #[test]
    fn a_slot_settles_once() {
        let mut list = OpenList::new();
        let slot = list.push(Position::new(3));
        assert_eq!(list.remove(slot), Some(true));
        assert_eq!(list.remove(slot), None);
        assert_eq!(list.remove(Slot(99)), None);
    }

    proptest! {
        #[test]
        fn the_list_is_what_was_pushed_less_what_was_removed(steps in prop::collection::vec(any::<u16>(), 0..400)) {
            let (mut list, mut model, mut next) = (OpenList::new(), Vec::new(), 0u64);
            let mut removed: Vec<Position> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                if number == 100 {
                    list.count(true);
                }
                if step % 3 == 0 && !model.is_empty() {
                    let at = usize::from(step) % model.len();
                    let (slot, position) = model.remove(at);
                    removed.push(position);
                    prop_assert_eq!(list.remove(slot), Some(at == 0));
                } else {
                    next += 1 + u64::from(step % 5);
                    model.push((list.push(Position::new(next)), Position::new(next)));
                }
                prop_assert_eq!(list.iter().collect::<Vec<_>>(), model.clone());
                let back = model.iter().rev().map(|(_, position)| *position);
                prop_assert_eq!(list.iter_back().collect::<Vec<_>>(), back.collect::<Vec<_>>());
                prop_assert_eq!(list.head(), model.first().map(|(_, position)| *position));
                prop_assert_eq!(list.len(), model.len());
                if number < 100 {
                    removed.clear();
                }
                let before = |position: &&Position| model.first().is_none_or(|(_, head)| head > *position);
                let passed = removed.iter().filter(before).count();
                prop_assert_eq!((list.removed(), list.passed()), (removed.len(), passed));
            }
        }
    }
}

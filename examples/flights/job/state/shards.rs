//! Tables that several threads write to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::job::events::FlightEvent;

/// One table in parts, each behind its own lock; all events of an aircraft go to one part.
pub(crate) struct Shards<T>(Vec<Mutex<T>>);

impl<T> Shards<T> {
    /// A table of `count` parts, at least one, each of which is `empty` at first.
    pub(crate) fn new(count: usize, empty: impl Fn() -> T) -> Self {
        Self((0..count.max(1)).map(|_| Mutex::new(empty())).collect())
    }

    /// Hands over the part that `event` belongs to, for a moment.
    pub(crate) fn with<R>(&self, event: &FlightEvent, work: impl FnOnce(&mut T) -> R) -> R {
        let key = event.aircraft().unwrap_or(event.carrier).number();
        // Fibonacci hashing: the upper bits depend on all of the key's.
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let part = usize::try_from(hash).unwrap_or(0) % self.0.len();
        work(&mut self.0[part].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The parts, one after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::events::Step;
    use crate::job::state::Fleet;
    use crate::job::testing::event;

    #[test]
    fn an_aircraft_stays_in_one_part_and_the_parts_make_up_the_whole() {
        let shards: Shards<Fleet> = Shards::new(7, Fleet::default);
        let events = (1..=3).flat_map(|n| (0..100).map(move |i| event(&format!("N{i}"), n, Step::Cancelled)));
        let mut whole = Fleet::default();
        for event in events {
            assert!(shards.with(&event, |fleet| fleet.apply(&event)) && whole.apply(&event));
        }
        let mut merged = Fleet::default();
        let mut parts = 0;
        for mut part in shards.parts() {
            parts += usize::from(!part.aircraft.is_empty());
            merged.merge(std::mem::take(&mut *part)).unwrap();
        }
        assert_eq!((merged, parts), (whole, 7));
    }
}

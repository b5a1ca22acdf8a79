//! Tables that several threads write to.

use std::sync::{Mutex, PoisonError};

use crate::job::events::FlightEvent;

/// One table in parts, each behind its own lock; all events of an aircraft go to one part.
pub(crate) struct Shards<T>(Vec<Mutex<T>>);

impl<T: Default> Shards<T> {
    /// An empty table of `count` parts; at least one.
    pub(crate) fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(count.max(1)).collect())
    }

    /// Hands over the part that `event` belongs to, for a moment.
    pub(crate) fn with<R>(&self, event: &FlightEvent, work: impl FnOnce(&mut T) -> R) -> R {
        let key = event.aircraft().unwrap_or(event.carrier).number();
        // Fibonacci hashing: the upper bits depend on all of the key's.
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let part = usize::try_from(hash).unwrap_or(0) % self.0.len();
        work(&mut self.0[part].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The parts, when all is written.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|part| part.into_inner().unwrap_or_else(PoisonError::into_inner))
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
        let shards: Shards<Fleet> = Shards::new(7);
        let events = (1..=3).flat_map(|n| (0..100).map(move |i| event(&format!("N{i}"), n, Step::Cancelled)));
        let mut whole = Fleet::default();
        for event in events {
            assert!(shards.with(&event, |fleet| fleet.apply(&event)) && whole.apply(&event));
        }
        let mut merged = Fleet::default();
        let mut parts = 0;
        for part in shards.into_parts() {
            parts += usize::from(!part.aircraft.is_empty());
            merged.merge(part).unwrap();
        }
        assert_eq!((merged, parts), (whole, 7));
    }
}

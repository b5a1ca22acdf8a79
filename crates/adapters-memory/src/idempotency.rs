//! What was handled, in memory.

use std::collections::HashMap;
use std::fmt;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{IdempotencyKey, IdempotencyStore, Invalid, Mark, StoreError};

/// A store of what was handled that lives in memory and has a bound.
///
/// It is volatile, and forgets the marks that were not asked for or recorded for longest: at least the `capacity / 2`
/// most recent ones stay. Clones share the marks.
///
/// ```
/// let handled = laneway_memory::MemoryIdempotency::new(100_000)?;
/// # let _ = handled;
/// # Ok::<(), laneway_domain::Invalid>(())
/// ```
#[derive(Clone)]
pub struct MemoryIdempotency {
    marks: Arc<Mutex<Marks>>,
}

/// Two generations: when the young one is full, it becomes the old one, and the old one goes.
struct Marks {
    young: HashMap<IdempotencyKey, Mark>,
    old: HashMap<IdempotencyKey, Mark>,
    most_young: usize,
}

impl MemoryIdempotency {
    /// A store that holds at most `capacity` marks.
    ///
    /// # Errors
    /// A capacity below 2 or above 1,073,741,824.
    pub fn new(capacity: usize) -> Result<Self, Invalid> {
        if !(2..=1 << 30).contains(&capacity) {
            let rule = "lies between 2 and 1,073,741,824";
            return Err(Invalid::new("idempotency.capacity", rule, capacity));
        }
        let (young, old) = (HashMap::new(), HashMap::new());
        Ok(Self { marks: Arc::new(Mutex::new(Marks { young, old, most_young: capacity / 2 })) })
    }

    /// The marks that it holds now.
    #[must_use]
    pub fn len(&self) -> usize {
        let marks = self.lock();
        marks.young.len() + marks.old.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Marks {
    fn seen(&mut self, key: &IdempotencyKey) -> Option<Mark> {
        if let Some(mark) = self.young.get(key) {
            return Some(*mark);
        }
        let (key, mark) = self.old.remove_entry(key)?;
        self.keep(key, mark);
        Some(mark)
    }

    fn keep(&mut self, key: IdempotencyKey, mark: Mark) {
        if self.young.len() >= self.most_young && !self.young.contains_key(&key) {
            self.old = take(&mut self.young);
        }
        self.young.insert(key, mark);
    }
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn seen(&self, key: &IdempotencyKey) -> Result<Option<Mark>, StoreError> {
        Ok(self.lock().seen(key))
    }

    async fn record(&self, key: &IdempotencyKey, mark: Mark) -> Result<(), StoreError> {
        let mut marks = self.lock();
        match (marks.seen(key), mark) {
            (Some(Mark::Versions(known)), Mark::Versions(new)) if new.highest < known.highest => {}
            _ => marks.keep(key.clone(), mark),
        }
        Ok(())
    }
}

impl fmt::Debug for MemoryIdempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIdempotency").field("marks", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use laneway_domain::{
        AggregateId, AggregateKey, AggregateVersion, EventId, GroupId, Subject, TopicName, Watermark,
    };

    fn key(subject: Subject) -> IdempotencyKey {
        IdempotencyKey { group: GroupId::new("g").unwrap(), handler: 0, subject }
    }

    fn event(n: u128) -> IdempotencyKey {
        key(Subject::Event(EventId::new(uuid::Uuid::from_u128(n)).unwrap()))
    }

    fn seen(store: &MemoryIdempotency, key: &IdempotencyKey) -> Option<Mark> {
        store.seen(key).now_or_never().unwrap().unwrap()
    }

    fn record(store: &MemoryIdempotency, key: &IdempotencyKey, mark: Mark) {
        store.record(key, mark).now_or_never().unwrap().unwrap();
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_the_most_recent_half() {
        let store = MemoryIdempotency::new(10).unwrap();
        for n in 1..=100 {
            record(&store, &event(n), Mark::Handled);
            assert!(store.len() <= 10);
            // Asked for all the time, so never forgotten.
            assert_eq!(seen(&store, &event(1)), Some(Mark::Handled));
        }
        assert!((97..=100).all(|n| seen(&store, &event(n)).is_some()));
        assert_eq!(seen(&store, &event(50)), None);
        assert!(MemoryIdempotency::new(1).is_err() && MemoryIdempotency::new(usize::MAX).is_err());
    }

    #[test]
    fn a_watermark_never_goes_back() {
        let store = MemoryIdempotency::new(4).unwrap();
        let topic = TopicName::new("t").unwrap();
        let aggregate = AggregateKey { topic, tenant: None, id: AggregateId::new("a").unwrap() };
        let key = key(Subject::Aggregate(aggregate));
        let upto = |n| {
            let highest = AggregateVersion::new(n).unwrap();
            Mark::Versions(Watermark { highest, window: 1, place: None })
        };
        for (said, kept) in [(5, 5), (3, 5), (6, 6), (6, 6)] {
            record(&store, &key, upto(said));
            assert_eq!(seen(&store, &key), Some(upto(kept)));
        }
    }

    #[test]
    fn groups_and_handlers_do_not_see_each_others_marks() {
        let store = MemoryIdempotency::new(4).unwrap();
        let mine = event(1);
        record(&store, &mine, Mark::Handled);
        let other = IdempotencyKey { handler: 1, ..mine.clone() };
        let group = IdempotencyKey { group: GroupId::new("h").unwrap(), ..mine };
        assert_eq!((seen(&store, &other), seen(&store, &group)), (None, None));
    }
}

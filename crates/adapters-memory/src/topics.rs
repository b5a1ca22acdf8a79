//! All topics of a broker, found without a lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use laneway_domain::TopicName;

use crate::piece::Bound;
use crate::rules::Rules;
use crate::topic::Topic;

/// The topics by name: read by every publish, written when a topic is made, which copies the map.
pub(crate) struct Topics {
    map: ArcSwap<HashMap<TopicName, Arc<Topic>>>,
    closed: Mutex<bool>,
    partitions: u32,
    rules: Rules,
}

/// The broker is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

impl Topics {
    /// Topics that have `partitions` partitions and keep what `rules` say, unless they are made otherwise.
    pub(crate) fn new(partitions: u32, rules: Rules) -> Self {
        Self { map: ArcSwap::default(), closed: Mutex::new(false), partitions, rules }
    }

    #[inline]
    pub(crate) fn find(&self, name: &TopicName) -> Option<Arc<Topic>> {
        self.map.load().get(name).cloned()
    }

    /// The topic, made with the broker's defaults if it does not exist.
    #[inline]
    pub(crate) fn find_or_make(&self, name: &TopicName) -> Result<Arc<Topic>, Closed> {
        match self.find(name) {
            Some(topic) => Ok(topic),
            None => self.make(name, None, None).map(|(topic, _)| topic),
        }
    }

    /// Makes a topic, and says whether it is new.
    #[cold]
    pub(crate) fn make(
        &self,
        name: &TopicName,
        partitions: Option<u32>,
        keep_bytes: Option<usize>,
    ) -> Result<(Arc<Topic>, bool), Closed> {
        let closed = self.writing();
        if *closed {
            return Err(Closed);
        }
        let known = self.map.load_full();
        if let Some(topic) = known.get(name) {
            return Ok((topic.clone(), false));
        }
        let index = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let keep = Bound { bytes: keep_bytes.unwrap_or(self.rules.keep.bytes), ..self.rules.keep };
        let rules = Rules { keep, ..self.rules };
        let topic = Arc::new(Topic::new(name.clone(), index, partitions.unwrap_or(self.partitions), rules));
        let mut map = HashMap::clone(&known);
        map.insert(name.clone(), topic.clone());
        self.map.store(Arc::new(map));
        Ok((topic, true))
    }

    /// Makes no topic any more, and ends every wait for room.
    pub(crate) fn close(&self) {
        *self.writing() = true;
        self.map.load().values().for_each(|topic| topic.close());
    }

    /// The lock of whoever writes the map; whether it is closed.
    fn writing(&self) -> MutexGuard<'_, bool> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! When events were published.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::job::stopwatch::Stopwatch;

/// How many events are published at once.
pub(super) const BATCH: usize = 512;

/// When each batch was published: a number for 512 events, and none in the events themselves.
pub(super) struct Departures {
    watch: Stopwatch,
    batches: Vec<AtomicU64>,
}

impl Departures {
    /// Nothing of `events` is published; the watch starts now.
    pub(super) fn new(events: usize) -> Self {
        let batches = (0..events.div_ceil(BATCH)).map(|_| AtomicU64::new(0)).collect();
        Self { watch: Stopwatch::start(), batches }
    }

    /// Notes that a batch, counted from 0, is published now. Publishing hands the note on to whoever handles it.
    pub(super) fn publish(&self, batch: usize) {
        if let Some(at) = self.batches.get(batch) {
            at.store(self.watch.nanos(), Ordering::Relaxed);
        }
    }

    /// The time since the event of this number was published, in nanoseconds.
    pub(super) fn nanos_since(&self, number: u64) -> u64 {
        let batch = usize::try_from(number).ok().and_then(|number| self.batches.get(number / BATCH));
        let published = batch.map_or(0, |at| at.load(Ordering::Relaxed));
        self.watch.nanos().saturating_sub(published)
    }
}

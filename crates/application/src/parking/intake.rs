//! What goes into the store: in order and in batches, around what it rejects.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use laneway_domain::{AggregateKey, ErrorClass, Monotonic, StoreError};

use super::call::Arrival;
use crate::policy::{Next, RetryPolicy};

/// How often a store that refuses is asked again.
const BACKOFF: RetryPolicy = RetryPolicy {
    max_retries: u32::MAX,
    initial_interval: Duration::from_millis(50),
    max_interval: Duration::from_secs(5),
    multiplier: 2.0,
    jitter: 0.2,
};
/// How many entries go into one write.
const BATCH: usize = 512;

/// Arrivals that are not in the store yet.
///
/// A write that is rejected is made again in halves, until the arrival is found that the store will not take. That one
/// waits, with what comes behind it in its aggregate, and is asked for again now and then; the other aggregates go on.
#[derive(Debug)]
pub(crate) struct Intake {
    arrivals: VecDeque<Arrival>,
    /// How many go into the next write.
    batch: usize,
    rejected: BTreeMap<Option<AggregateKey>, Rejected>,
}

/// An aggregate with an arrival that the store rejects.
#[derive(Debug)]
struct Rejected {
    /// That one, unless it is being asked for, and what came behind it.
    waits: VecDeque<Arrival>,
    tries: u32,
    /// When it is asked for again; never while it is.
    due: Monotonic,
    /// What the store says.
    said: String,
}

impl Intake {
    pub(crate) fn new() -> Self {
        Self { arrivals: VecDeque::new(), batch: BATCH, rejected: BTreeMap::new() }
    }

    /// Whether something waits that the store may take. What it rejects is left to the partition's next owner.
    pub(crate) fn is_busy(&self) -> bool {
        !self.arrivals.is_empty()
    }

    /// Whether an aggregate waits behind an arrival that the store rejects.
    pub(crate) fn rejects(&self, key: &AggregateKey) -> bool {
        // A key in an option is only asked for where something is rejected.
        !self.rejected.is_empty() && self.rejected.contains_key(&Some(key.clone()))
    }

    /// What the store says of one that it rejects.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.rejected.values().next().map(|rejected| rejected.said.as_str())
    }

    /// An event goes into the store.
    pub(crate) fn take(&mut self, arrival: Arrival) {
        match self.rejected.get_mut(&arrival.entry.key) {
            Some(rejected) => rejected.waits.push_back(arrival),
            None => self.arrivals.push_back(arrival),
        }
    }

    /// The next write, if there is one to make.
    pub(crate) fn next(&mut self, now: Monotonic) -> Option<Vec<Arrival>> {
        if !self.arrivals.is_empty() {
            return Some(self.arrivals.drain(..self.arrivals.len().min(self.batch)).collect());
        }
        let rejected = self.rejected.values_mut().find(|rejected| rejected.due <= now)?;
        rejected.due = Monotonic::NEVER;
        Some(rejected.waits.pop_front().into_iter().collect())
    }

    /// When the next one is asked for again that the store rejected.
    pub(crate) fn due(&self) -> Monotonic {
        self.rejected.values().map(|rejected| rejected.due).min().unwrap_or(Monotonic::NEVER)
    }

    /// A write is in the store: what waited behind it goes on.
    pub(crate) fn stored(&mut self, arrivals: &[Arrival]) {
        self.batch = (self.batch * 2).min(BATCH);
        if self.rejected.is_empty() {
            return;
        }
        for arrival in arrivals {
            let released = self.rejected.remove(&arrival.entry.key);
            self.arrivals.extend(released.into_iter().flat_map(|rejected| rejected.waits));
        }
    }

    /// The store rejected a write. Gives the error back where it is clear whose it is.
    pub(crate) fn rejected(
        &mut self,
        mut arrivals: Vec<Arrival>,
        error: StoreError,
        now: Monotonic,
    ) -> Result<(), StoreError> {
        if arrivals.len() > 1 {
            self.batch = arrivals.len() / 2;
            arrivals.into_iter().rev().for_each(|arrival| self.arrivals.push_front(arrival));
            return Ok(());
        }
        self.batch = BATCH;
        let Some(arrival) = arrivals.pop() else { return Err(error) };
        let key = arrival.entry.key.clone();
        let none = || Rejected { waits: VecDeque::new(), tries: 0, due: now, said: String::new() };
        let rejected = self.rejected.entry(key.clone()).or_insert_with(none);
        rejected.tries = rejected.tries.saturating_add(1);
        rejected.due = now + wait(rejected.tries);
        rejected.said = error.to_string();
        rejected.waits.push_front(arrival);
        let (behind, others) = self.arrivals.drain(..).partition(|arrival| arrival.entry.key == key);
        rejected.waits.extend::<VecDeque<_>>(behind);
        self.arrivals = others;
        Err(error)
    }
}

/// How long to wait after so many tries.
pub(crate) fn wait(tries: u32) -> Duration {
    match BACKOFF.next(tries, ErrorClass::Retryable, u64::from(tries)) {
        Next::After(wait) => wait,
        Next::Exhausted | Next::Fatal => unreachable!("the back-off never gives up"),
    }
}

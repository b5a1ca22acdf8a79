//! Where everything is written down.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_domain::invariant::{Happening, History, MemberId, Outcome, Place, RunId, Start};
use laneway_domain::{Clock, Monotonic};

/// Writes down what happens, in the order in which it is told. Clones write into the same history.
#[derive(Clone)]
pub struct Recorder(Arc<Book>);

struct Book {
    clock: Arc<dyn Clock>,
    history: Mutex<History>,
    runs: AtomicU64,
    members: AtomicU32,
    listings: AtomicU32,
}

impl Recorder {
    /// An empty history on this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Book {
            clock,
            history: Mutex::new(History::new()),
            runs: AtomicU64::new(0),
            members: AtomicU32::new(0),
            listings: AtomicU32::new(0),
        }))
    }

    /// Writes one happening down, with the time.
    pub fn record(&self, what: Happening) {
        let mut history = self.lock();
        // Taken under the lock: times rise in the order of the history.
        let now = self.0.clock.monotonic();
        history.push(now, what);
    }

    /// Writes several down, with nothing between them.
    pub fn record_all(&self, all: impl IntoIterator<Item = Happening>) {
        let mut history = self.lock();
        let now = self.0.clock.monotonic();
        for what in all {
            history.push(now, what);
        }
    }

    /// The number of a new bus.
    #[must_use]
    pub fn member(&self) -> MemberId {
        MemberId(self.0.members.fetch_add(1, Ordering::Relaxed))
    }

    /// The number of a new run.
    pub(super) fn run(&self) -> RunId {
        RunId(self.0.runs.fetch_add(1, Ordering::Relaxed))
    }

    /// The number of a new listing.
    pub(super) fn listing(&self) -> u32 {
        self.0.listings.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The time of the recorder's clock.
    #[must_use]
    pub fn now(&self) -> Monotonic {
        self.0.clock.monotonic()
    }

    /// A copy of what was recorded, watched until now.
    #[must_use]
    pub fn history(&self) -> History {
        let mut copy = self.lock().clone();
        copy.watched_until(self.now());
        copy
    }

    /// What was recorded, watched until now; recording begins anew.
    #[must_use]
    pub fn take(&self) -> History {
        let mut taken = std::mem::take(&mut *self.lock());
        taken.watched_until(self.now());
        taken
    }

    /// Whether a handler failed with an event since an entry of it was written down last.
    pub(super) fn failed_since_burial(&self, place: &Place) -> bool {
        let history = self.lock();
        let moments = history.moments();
        let entry =
            |what: &Happening| matches!(what, Happening::DeadLettered { place: of, .. } if of == place);
        let behind = moments.iter().rposition(|moment| entry(&moment.what)).map_or(0, |at| at + 1);
        let failed: HashSet<RunId> = moments[behind..].iter().filter_map(|m| failed(&m.what)).collect();
        let of_place = |start: &Start| start.place == *place && failed.contains(&start.run);
        moments
            .iter()
            .any(|moment| matches!(&moment.what, Happening::HandlerStarted(start) if of_place(start)))
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        // A push does not panic half-way: what a poisoned lock holds is whole.
        self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(what: &Happening) -> Option<RunId> {
    match what {
        Happening::HandlerEnded { run, outcome } if *outcome != Outcome::Done => Some(*run),
        _ => None,
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("happenings", &self.lock().len()).finish_non_exhaustive()
    }
}

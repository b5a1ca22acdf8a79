//! How often a layer answered in the handler's place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use laneway_domain::Admission;

/// The figures of a layer, to keep when the layer goes into a subscription. Clones are handles of the same figures.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    duplicates: AtomicU64,
    late: AtomicU64,
    gaps: AtomicU64,
}

/// Figures of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TallyCounts {
    /// Events that were acknowledged without handling.
    pub duplicates: u64,
    /// Events that came behind younger ones of their aggregate.
    pub late: u64,
    /// Events before which some of their aggregate are missing.
    pub gaps: u64,
}

impl Tally {
    pub(super) fn count(&self, admission: Admission) {
        let counter = match admission {
            Admission::New => return,
            Admission::Duplicate => &self.0.duplicates,
            Admission::Late => &self.0.late,
            Admission::Gap => &self.0.gaps,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures so far.
    #[must_use]
    pub fn counts(&self) -> TallyCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TallyCounts {
            duplicates: read(&self.0.duplicates),
            late: read(&self.0.late),
            gaps: read(&self.0.gaps),
        }
    }
}

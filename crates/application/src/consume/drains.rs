//! Drains: waiting, for a limited time, until nothing of some tenures runs.

use std::collections::BTreeMap;

use laneway_domain::{Monotonic, RevocationId};

use super::message::DrainId;
use crate::ledger::Tenure;

/// The drains under way.
#[derive(Debug, Default)]
pub(crate) struct Drains {
    next: u64,
    open: BTreeMap<DrainId, Drain>,
}

/// One drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drain {
    pub(crate) tenures: Vec<Tenure>,
    pub(crate) purpose: Purpose,
    /// When to stop waiting.
    pub(crate) until: Monotonic,
    workers: usize,
}

/// What a drain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The partitions are taken away.
    Revocation(RevocationId),
    /// The subscription stops.
    Shutdown,
}

impl Drains {
    /// Begins a drain over so many workers.
    pub(crate) fn begin(
        &mut self,
        tenures: Vec<Tenure>,
        purpose: Purpose,
        until: Monotonic,
        workers: usize,
    ) -> DrainId {
        self.next += 1;
        let id = DrainId(self.next);
        self.open.insert(id, Drain { tenures, purpose, until, workers });
        id
    }

    /// A worker is through.
    pub(crate) fn drained(&mut self, id: DrainId) {
        if let Some(drain) = self.open.get_mut(&id) {
            drain.workers = drain.workers.saturating_sub(1);
        }
    }

    /// A new shutdown drain takes the place of one under way.
    pub(crate) fn replace_shutdown(&mut self) {
        self.open.retain(|_, drain| drain.purpose != Purpose::Shutdown);
    }

    /// Tenures are over without us: drains of nothing else are closed.
    pub(crate) fn lost(&mut self, gone: &[Tenure]) {
        self.open.values_mut().for_each(|drain| drain.tenures.retain(|tenure| !gone.contains(tenure)));
        self.open.retain(|_, drain| !drain.tenures.is_empty() || drain.purpose == Purpose::Shutdown);
    }

    /// A drain that is through, or out of time. `busy` says whether a tenure still has a burial under way.
    pub(crate) fn take_finished(&mut self, now: Monotonic, busy: impl Fn(Tenure) -> bool) -> Option<Drain> {
        let through = |drain: &Drain| drain.workers == 0 && !drain.tenures.iter().any(|t| busy(*t));
        let id = *self.open.iter().find(|(_, drain)| drain.until <= now || through(drain))?.0;
        self.open.remove(&id)
    }

    /// When the first drain runs out of time.
    pub(crate) fn due(&self) -> Monotonic {
        self.open.values().map(|drain| drain.until).min().unwrap_or(Monotonic::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Monotonic = Monotonic::from_nanos(10);

    #[test]
    fn a_drain_ends_when_all_workers_are_through_and_nothing_is_being_buried() {
        let mut drains = Drains::default();
        let id = drains.begin(vec![], Purpose::Shutdown, LATER, 2);
        drains.drained(id);
        assert_eq!(drains.take_finished(Monotonic::ZERO, |_| false), None);
        drains.drained(id);
        let drain = drains.take_finished(Monotonic::ZERO, |_| false).unwrap();
        assert_eq!(drain.purpose, Purpose::Shutdown);
        assert_eq!(drains.due(), Monotonic::NEVER);
    }

    #[test]
    fn a_drain_ends_at_its_time_whatever_runs() {
        let mut drains = Drains::default();
        drains.begin(vec![], Purpose::Revocation(RevocationId(1)), LATER, 2);
        assert_eq!(drains.due(), LATER);
        assert!(drains.take_finished(LATER, |_| true).is_some());
    }
}

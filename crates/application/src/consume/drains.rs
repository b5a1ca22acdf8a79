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
    /// Whether it was out of time, and what still ran was told to end.
    evicted: bool,
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
        self.open.insert(id, Drain { tenures, purpose, until, workers, evicted: false });
        id
    }

    /// Whether a drain is under way for a tenure.
    pub(crate) fn covers(&self, tenure: Tenure) -> bool {
        self.open.values().any(|drain| drain.tenures.contains(&tenure))
    }

    /// A worker is through.
    pub(crate) fn drained(&mut self, id: DrainId) {
        if let Some(drain) = self.open.get_mut(&id) {
            drain.workers = drain.workers.saturating_sub(1);
        }
    }

    /// The tenures of which nothing runs in any worker.
    pub(crate) fn quiet(&self) -> Vec<Tenure> {
        let quiet = self.open.values().filter(|drain| drain.workers == 0);
        quiet.flat_map(|drain| drain.tenures.iter().copied()).collect()
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

    /// The tenures of a drain that has just run out of time: what of them runs has to be dropped now.
    ///
    /// A revocation then waits for its workers all the same: a partition is not given up while a handler runs in it,
    /// and past its own deadline the adapter takes it. A shutdown waits for half of what is left until `deadline`.
    pub(crate) fn take_overdue(&mut self, now: Monotonic, deadline: Monotonic) -> Option<Vec<Tenure>> {
        let drain = self.open.values_mut().find(|drain| drain.until <= now && !drain.evicted)?;
        drain.evicted = true;
        drain.until = match drain.purpose {
            Purpose::Revocation(_) => Monotonic::NEVER,
            Purpose::Shutdown => now + deadline.since(now) / 2,
        };
        Some(drain.tenures.clone())
    }

    /// A drain that is through, or has waited long enough. `busy` says whether a tenure still has a burial under way.
    pub(crate) fn take_finished(&mut self, now: Monotonic, busy: impl Fn(Tenure) -> bool) -> Option<Drain> {
        let through = |drain: &Drain| drain.workers == 0 && !drain.tenures.iter().any(|t| busy(*t));
        let over = |drain: &Drain| drain.evicted && drain.until <= now;
        let id = *self.open.iter().find(|(_, drain)| over(drain) || through(drain))?.0;
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
    fn a_revocation_out_of_time_waits_until_what_ran_is_dropped() {
        let mut drains = Drains::default();
        let id = drains.begin(vec![], Purpose::Revocation(RevocationId(1)), LATER, 1);
        assert_eq!(drains.due(), LATER);
        assert_eq!(drains.take_overdue(LATER, Monotonic::NEVER), Some(vec![]));
        assert_eq!(drains.take_overdue(LATER, Monotonic::NEVER), None);
        assert_eq!((drains.due(), drains.take_finished(LATER, |_| false)), (Monotonic::NEVER, None));
        drains.drained(id);
        assert!(drains.take_finished(LATER, |_| false).is_some());
    }

    #[test]
    fn a_shutdown_ends_before_its_deadline_whatever_runs() {
        let (mut drains, deadline) = (Drains::default(), Monotonic::from_nanos(20));
        drains.begin(vec![], Purpose::Shutdown, LATER, 1);
        assert_eq!(drains.take_overdue(LATER, deadline), Some(vec![]));
        assert_eq!((drains.due(), drains.take_finished(LATER, |_| true)), (Monotonic::from_nanos(15), None));
        assert!(drains.take_finished(Monotonic::from_nanos(15), |_| true).is_some());
    }
}

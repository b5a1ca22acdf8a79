//! What a scenario has going, for those who look at it when it fails.

use std::fmt::Write;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use laneway_application::consume::Subscription;
use laneway_domain::Clock;

use super::journal::Journal;
use super::record::Record;

/// The subscriptions and journals of a scenario, and what it waits for.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    subscriptions: Mutex<Vec<Subscription>>,
    journals: Mutex<Vec<Journal>>,
    records: Mutex<Vec<Record>>,
    awaited: Mutex<String>,
}

/// Lanes that are shown of each worker.
const LANES: usize = 8;
/// How long a loop may take to tell of its lanes.
const TELLING: Duration = Duration::from_secs(1);

impl Watched {
    pub(crate) fn subscription(&self, subscription: &Subscription) {
        lock(&self.subscriptions).push(subscription.clone());
    }

    pub(crate) fn journal(&self, journal: &Journal) {
        lock(&self.journals).push(journal.clone());
    }

    pub(crate) fn record(&self, record: &Record) {
        lock(&self.records).push(record.clone());
    }

    /// What is wrong with what was recorded; nothing where all is well.
    pub(crate) fn objections(&self) -> Option<String> {
        lock(&self.records).iter().find_map(Record::objections)
    }

    pub(crate) fn awaits(&self, what: &str) {
        what.clone_into(&mut lock(&self.awaited));
    }

    /// What everything is doing.
    pub(crate) async fn dump(&self, clock: &dyn Clock) -> String {
        let mut text = format!("  last awaited: {}\n", lock(&self.awaited));
        for journal in lock(&self.journals).iter() {
            let _ = writeln!(text, "  journal: {}", journal.summary());
        }
        let subscriptions = lock(&self.subscriptions).clone();
        for subscription in subscriptions {
            let _ = writeln!(text, "  {subscription:?}\n    {:?}", subscription.stats());
            let _ = writeln!(text, "    {:?}", subscription.health());
            for lane in lanes(&subscription, clock).await {
                let _ = writeln!(text, "    {lane}");
            }
        }
        text
    }
}

async fn lanes(subscription: &Subscription, clock: &dyn Clock) -> Vec<String> {
    let limit = clock.wake_at(clock.monotonic() + TELLING);
    match select(pin!(subscription.lanes(LANES)), limit).await {
        Either::Left((lanes, _)) => lanes.iter().map(|lane| format!("{lane:?}")).collect(),
        Either::Right(_) => vec!["the loop or a worker does not answer".to_owned()],
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

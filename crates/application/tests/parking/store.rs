//! A dead-letter store with troubles of the test's choice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::{Body, Clock, DeadLetter, DeadLetterQueue, ParkEntry, Parking, StoreError, StoreFault};
use laneway_memory::MemoryDeadLetters;
use laneway_testkit::SimClock;
use laneway_testkit::around::{Around, ParkingCall, ParkingReply, StoreHook};

const LATE: Duration = Duration::from_millis(9_500);

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    No,
    Refuses,
    /// It is done, and nobody hears of it.
    LosesAnswer,
    Hangs,
    Panics,
    Fenced,
    /// It has nothing.
    Empty,
    /// It is done at once, and its answer takes almost as long as anybody waits.
    Late,
}

type Choice = Box<dyn FnMut(&'static str) -> Trouble + Send>;

/// The memory store, behind troubles.
pub(crate) type Troubled = Around<MemoryDeadLetters, Troubles>;

/// What goes wrong with each call. Clones share the choice.
#[derive(Clone)]
pub(crate) struct Troubles {
    clock: Arc<SimClock>,
    choice: Arc<Mutex<Choice>>,
    rejected: Arc<Mutex<Vec<String>>>,
    page: Arc<AtomicUsize>,
}

pub(crate) fn troubled(store: MemoryDeadLetters, clock: Arc<SimClock>) -> Troubled {
    let choice: Arc<Mutex<Choice>> = Arc::new(Mutex::new(Box::new(|_| Trouble::No)));
    let page = Arc::new(AtomicUsize::new(usize::MAX));
    Troubled::hooked(store, Troubles { clock, choice, rejected: Arc::default(), page })
}

impl Troubles {
    /// From now on each call of the parking port, and each burial, by its name, has the trouble that is chosen.
    pub(crate) fn choose(&self, choice: impl FnMut(&'static str) -> Trouble + Send + 'static) {
        *self.choice.lock().unwrap() = Box::new(choice);
    }

    /// From now on events with one of these payloads are not taken in, nor whatever is to be written together with them.
    pub(crate) fn reject(&self, payloads: &[&str]) {
        *self.rejected.lock().unwrap() = payloads.iter().map(|payload| (*payload).to_owned()).collect();
    }

    /// From now on a page has so many entries at most.
    pub(crate) fn limit_pages(&self, entries: usize) {
        self.page.store(entries, Ordering::Relaxed);
    }

    fn check(&self, entries: &[ParkEntry]) -> Result<(), StoreError> {
        let rejected = self.rejected.lock().unwrap();
        let is_rejected = |entry: &ParkEntry| match &entry.event.body {
            Body::Event(event) => rejected.iter().any(|payload| payload.as_bytes() == &event.payload()[..]),
            Body::Record(_) => false,
        };
        if entries.iter().any(is_rejected) {
            return Err(StoreError::new(StoreFault::Rejected, "park", "the test does not like it"));
        }
        Ok(())
    }
}

#[async_trait]
impl StoreHook for Troubles {
    async fn parking(&self, mut call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        match &mut call {
            ParkingCall::Park(_, entries) => self.check(entries)?,
            ParkingCall::Page(.., limit) => *limit = (*limit).min(self.page.load(Ordering::Relaxed)),
            _ => {}
        }
        let name = call.name();
        let trouble = (self.choice.lock().unwrap())(name);
        let failed = |fault| Err(StoreError::new(fault, name, "as the test wants it"));
        match trouble {
            Trouble::No => call.make(store).await,
            Trouble::Refuses => failed(StoreFault::Unavailable),
            Trouble::LosesAnswer => {
                drop(call.make(store).await?);
                failed(StoreFault::Unknown)
            }
            Trouble::Hangs => std::future::pending().await,
            Trouble::Panics => panic!("in a store"),
            Trouble::Fenced => failed(StoreFault::Fenced),
            Trouble::Empty => Ok(ParkingReply::Done),
            Trouble::Late => {
                let answer = call.make(store).await;
                self.clock.wake_at(self.clock.monotonic() + LATE).await;
                answer
            }
        }
    }

    async fn bury(
        &self,
        letters: Vec<DeadLetter>,
        store: &dyn DeadLetterQueue,
    ) -> Vec<Result<(), StoreError>> {
        let trouble = (self.choice.lock().unwrap())("bury");
        let failed = |fault| {
            letters.iter().map(|_| Err(StoreError::new(fault, "bury", "as the test wants it"))).collect()
        };
        match trouble {
            Trouble::No | Trouble::Late => store.bury(letters).await,
            Trouble::Refuses => failed(StoreFault::Unavailable),
            Trouble::LosesAnswer => {
                let failed = failed(StoreFault::Unknown);
                drop(store.bury(letters).await);
                failed
            }
            Trouble::Hangs => std::future::pending().await,
            Trouble::Panics => panic!("in a store"),
            Trouble::Fenced => failed(StoreFault::Fenced),
            Trouble::Empty => Vec::new(),
        }
    }
}

//! Burials: writing entries until the store has them.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use laneway_domain::{BoxFuture, Clock, DeadLetter, DeadLetterQueue, ErrorClass, StoreError, StoreFault};

use crate::consume::message::Dead;
use crate::ledger::Tenure;
use crate::policy::{Next, RetryPolicy};

/// Entries on their way to the store. Each is written again until the store has it; until then its lane waits and its
/// position stays open.
pub(crate) struct Burials {
    store: Option<Arc<dyn DeadLetterQueue>>,
    clock: Arc<dyn Clock>,
    /// How long the store may take to answer.
    patience: Duration,
    running: FuturesUnordered<Writing>,
    waiting: Vec<Tenure>,
    /// What the store said last, while it refuses.
    refusal: Option<String>,
}

/// One try to write an entry, under way.
struct Writing {
    tenure: Tenure,
    entry: BoxFuture<Buried>,
}

impl Future for Writing {
    type Output = Buried;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Buried> {
        self.entry.as_mut().poll(cx)
    }
}

/// One try to write an entry.
pub(crate) struct Buried {
    pub(crate) dead: Box<Dead>,
    pub(crate) tries: u32,
    pub(crate) result: Result<(), StoreError>,
}

/// How often a store that refuses is asked again.
const BACKOFF: RetryPolicy = RetryPolicy {
    max_retries: u32::MAX,
    initial_interval: Duration::from_millis(100),
    max_interval: Duration::from_secs(5),
    multiplier: 2.0,
    jitter: 0.2,
};

impl Burials {
    pub(crate) fn new(
        store: Option<Arc<dyn DeadLetterQueue>>,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        Self { store, clock, patience, running: FuturesUnordered::new(), waiting: Vec::new(), refusal: None }
    }

    /// Begins to write an entry.
    pub(crate) fn begin(&mut self, dead: Box<Dead>) {
        self.waiting.push(dead.tenure);
        self.write(dead, 0);
    }

    /// Writes an entry again, after a wait that grows.
    pub(crate) fn again(&mut self, buried: Buried) {
        let Buried { dead, tries, result } = buried;
        if let Err(error) = result {
            self.refusal = Some(error.to_string());
        }
        self.write(dead, tries);
    }

    fn write(&self, dead: Box<Dead>, tries: u32) {
        let (store, clock, patience) = (self.store.clone(), self.clock.clone(), self.patience);
        let (tenure, position) = (dead.tenure, dead.letter.id.position.value());
        let entry = Box::pin(async move {
            if tries > 0
                && let Next::After(wait) = BACKOFF.next(tries, ErrorClass::Retryable, position)
            {
                clock.wake_at(clock.monotonic() + wait).await;
            }
            let over = clock.wake_at(clock.monotonic() + patience);
            let result = match select(pin!(bury(store.as_deref(), &dead.letter)), over).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => unknown("the store gave no answer in time"),
            };
            Buried { dead, tries: tries.saturating_add(1), result }
        });
        self.running.push(Writing { tenure, entry });
    }

    /// A tenure is over: its entries are no longer written, since its next owner comes to an end of its own.
    pub(crate) fn forget(&mut self, tenure: Tenure) {
        if self.is_busy(tenure) {
            let running = std::mem::take(&mut self.running).into_iter();
            let (gone, running): (Vec<_>, Vec<_>) = running.partition(|writing| writing.tenure == tenure);
            self.running = running.into_iter().collect();
            gone.into_iter().for_each(crate::guard::discard);
            self.waiting.retain(|known| *known != tenure);
            self.clear();
        }
    }

    /// An entry is in the store.
    pub(crate) fn finished(&mut self, dead: &Dead) {
        if let Some(at) = self.waiting.iter().position(|tenure| *tenure == dead.tenure) {
            self.waiting.swap_remove(at);
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.refusal = None;
    }

    /// Whether an entry of this tenure is not in the store yet.
    pub(crate) fn is_busy(&self, tenure: Tenure) -> bool {
        self.waiting.contains(&tenure)
    }

    /// What the store says, while it refuses.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Buried> {
        match self.running.poll_next_unpin(cx) {
            Poll::Ready(Some(buried)) => Poll::Ready(buried),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

async fn bury(store: Option<&dyn DeadLetterQueue>, letter: &DeadLetter) -> Result<(), StoreError> {
    let Some(store) = store else {
        let reason = "the bus has no dead-letter store; give it one, or no event may give up";
        return Err(StoreError::new(StoreFault::Rejected, "bury", reason));
    };
    // The call stands in the future: a store may panic before it returns one.
    let answers = AssertUnwindSafe(async { store.bury(vec![letter.clone()]).await });
    match answers.catch_unwind().await {
        Ok(mut answers) => answers.pop().unwrap_or_else(|| unknown("the store gave no answer")),
        Err(_) => unknown("the store panicked"),
    }
}

fn unknown(reason: &'static str) -> Result<(), StoreError> {
    Err(StoreError::new(StoreFault::Unknown, "bury", reason))
}

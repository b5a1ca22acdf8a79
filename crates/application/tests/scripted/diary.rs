//! What the engine did so far, as broker and handler saw it.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use laneway_domain::{Clock, Flow, Resume, RevocationId};
use tokio::sync::watch;
use tokio::task::Id;

/// Longer than anything takes, and shorter than the engine's own patience with a handler.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Partitions whose flow is closed.
    pub(crate) closed: BTreeSet<u32>,
    pub(crate) committed: BTreeMap<u32, Resume>,
    /// Why no checkpoint is stored.
    pub(crate) refuses: Option<String>,
    /// The task that reads the session.
    pub(crate) reader: Option<Id>,
    /// The revocation that was answered last.
    pub(crate) released: Option<RevocationId>,
    /// Events whose handler has started, in order.
    pub(crate) started: Vec<String>,
    /// Events that may end.
    pub(crate) free: BTreeSet<String>,
}

impl Page {
    pub(crate) fn has_started(&self, name: &str) -> bool {
        self.started.iter().any(|started| started == name)
    }

    pub(crate) fn flow(&mut self, partition: u32, flow: Flow) {
        match flow {
            Flow::Open => self.closed.remove(&partition),
            Flow::Closed => self.closed.insert(partition),
        };
    }

    pub(crate) fn is_open(&self, partition: u32) -> bool {
        !self.closed.contains(&partition)
    }
}

/// One page, written by many.
#[derive(Clone)]
pub(crate) struct Diary {
    pages: watch::Sender<Page>,
    clock: Arc<dyn Clock>,
}

impl Diary {
    /// A clean page; the clock bounds how long tests wait.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { pages: watch::Sender::default(), clock }
    }

    pub(crate) fn write(&self, change: impl FnOnce(&mut Page)) {
        self.pages.send_modify(change);
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Page) -> T) -> T {
        look(&self.pages.borrow())
    }

    /// Lets the handler of an event end.
    pub(crate) fn free(&self, name: &str) {
        self.write(|page| page.free.extend([name.to_owned()]));
    }

    /// Waits until an event may end.
    pub(crate) async fn freed(&self, name: &str) {
        let mut pages = self.pages.subscribe();
        // The test may be over.
        let _ = pages.wait_for(|page| page.free.contains(name)).await;
    }

    pub(crate) async fn until(&self, what: &str, holds: impl FnMut(&Page) -> bool) {
        let mut pages = self.pages.subscribe();
        let came = self.within(PATIENCE, pages.wait_for(holds)).await.is_some();
        assert!(came, "never came: {what}; {:?}", *self.pages.borrow());
    }

    /// What comes of a future, if it is ready in time.
    pub(crate) async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let over = self.clock.wake_at(self.clock.monotonic() + limit);
        match select(pin!(future), over).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

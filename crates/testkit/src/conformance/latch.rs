//! Something that handlers wait for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::watch;

/// A door: shut until it is opened, then open for good. Clones are the same door.
#[derive(Debug, Clone)]
pub(crate) struct Latch {
    open: Arc<watch::Sender<bool>>,
    blocked: Arc<(Mutex<bool>, Condvar)>,
}

impl Latch {
    pub(crate) fn shut() -> Self {
        Self { open: Arc::new(watch::Sender::new(false)), blocked: Arc::default() }
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
        let (open, changed) = &*self.blocked;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits at an await.
    pub(crate) async fn pass(&self) {
        // Its own sender lives as long as it does, so this ends with the door open.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    /// Blocks the thread.
    pub(crate) fn block(&self) {
        let (open, changed) = &*self.blocked;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(open, |open| !*open));
    }
}

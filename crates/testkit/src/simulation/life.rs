//! The life of a process, which may end at any time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use laneway_domain::Session;

/// A session that dies with its process.
pub(super) type Mortal = Mutex<Option<Box<dyn Session>>>;

/// Whether a simulated process lives. Clones are of the same process.
///
/// Its tasks cannot be taken from the runtime, so death freezes them where they are: whatever they wait for never comes,
/// and nothing that they do gets out.
#[derive(Clone, Default)]
pub(super) struct Life(Arc<State>);

#[derive(Default)]
struct State {
    over: AtomicBool,
    sessions: Mutex<Vec<Weak<Mortal>>>,
}

impl Life {
    pub(super) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::SeqCst)
    }

    /// Ends it. Its sessions are dropped, which is what the broker notices.
    pub(super) fn end(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        let sessions = std::mem::take(&mut *self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in sessions.iter().filter_map(Weak::upgrade) {
            let gone = session.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(gone);
        }
    }

    pub(super) fn bind(&self, session: Box<dyn Session>) -> Arc<Mortal> {
        let session = Arc::new(Mutex::new(Some(session)));
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(Arc::downgrade(&session));
        session
    }

    /// Runs a future as long as the process lives; then it stands still for ever.
    pub(super) async fn within<F: Future>(&self, future: F) -> F::Output {
        let mut future = Box::pin(future);
        std::future::poll_fn(|cx| if self.is_over() { Poll::Pending } else { future.as_mut().poll(cx) }).await
    }
}

//! The life of a process, which may stand still, and may end at any time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// Something that is gone once its process is.
pub(super) type Mortal<T> = Mutex<Option<T>>;

/// Whether a simulated process lives. Clones are of the same process.
///
/// Its tasks cannot be taken from the runtime, so death freezes them where they are: whatever they wait for never comes,
/// and nothing that they do gets out. A process that is frozen for a while is kept from the same things, and finds them
/// all at once when it goes on.
#[derive(Clone, Default)]
pub(super) struct Life(Arc<State>);

#[derive(Default)]
struct State {
    over: AtomicBool,
    /// How many hold it frozen.
    frozen: AtomicU32,
    /// Who asked for something while it was frozen.
    sleepers: Mutex<Vec<Waker>>,
    mortals: Mutex<Vec<Weak<dyn Die>>>,
}

trait Die: Send + Sync {
    fn die(&self);
}

impl<T: Send> Die for Mortal<T> {
    fn die(&self) {
        // Dropped outside the lock.
        let gone = living(self).take();
        drop(gone);
    }
}

/// What is there of something mortal.
pub(super) fn living<T>(mortal: &Mortal<T>) -> MutexGuard<'_, Option<T>> {
    mortal.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Life {
    /// Ends it. Its sessions are dropped, which is what the broker notices, and its calls go unanswered.
    pub(super) fn end(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        let sleepers = std::mem::take(&mut *self.sleepers());
        sleepers.into_iter().for_each(Waker::wake);
        let mortals = std::mem::take(&mut *self.mortals());
        mortals.iter().filter_map(Weak::upgrade).for_each(|mortal| mortal.die());
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::SeqCst)
    }

    /// Runs a future that is not the process's own until it is through, or the process is over.
    pub(super) async fn or_over<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = Box::pin(future);
        std::future::poll_fn(|cx| {
            if self.is_over() {
                return Poll::Ready(None);
            }
            self.sleepers().push(cx.waker().clone());
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Lets it stand still; whether it did not before.
    pub(super) fn freeze(&self) -> bool {
        self.0.frozen.fetch_add(1, Ordering::SeqCst) == 0
    }

    /// Lets it go on where nobody else holds it; `first` comes before all that it does then.
    pub(super) fn thaw(&self, first: impl FnOnce()) {
        let wakes = self.0.frozen.fetch_sub(1, Ordering::SeqCst) == 1;
        if wakes && !self.0.over.load(Ordering::SeqCst) {
            first();
            let sleepers = std::mem::take(&mut *self.sleepers());
            sleepers.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether it does nothing now; where that ends, the task is woken.
    pub(super) fn stands_still(&self, cx: &Context<'_>) -> bool {
        if self.0.over.load(Ordering::SeqCst) {
            return true;
        }
        let frozen = self.0.frozen.load(Ordering::SeqCst) > 0;
        if frozen {
            let mut sleepers = self.sleepers();
            if !sleepers.iter().any(|sleeper| sleeper.will_wake(cx.waker())) {
                sleepers.push(cx.waker().clone());
            }
        }
        frozen
    }

    /// Gives it something that dies with it.
    pub(super) fn bind<T: Send + 'static>(&self, what: T) -> Arc<Mortal<T>> {
        let mortal = Arc::new(Mutex::new(Some(what)));
        let mut mortals = self.mortals();
        mortals.retain(|known| known.strong_count() > 0);
        let weak: Weak<Mortal<T>> = Arc::downgrade(&mortal);
        mortals.push(weak);
        mortal
    }

    /// Runs a future as long as the process lives; then it stands still for ever.
    pub(super) async fn within<F: Future>(&self, future: F) -> F::Output {
        let mut future = Box::pin(future);
        std::future::poll_fn(
            |cx| if self.stands_still(cx) { Poll::Pending } else { future.as_mut().poll(cx) },
        )
        .await
    }

    /// Waits while it is frozen.
    pub(super) async fn awake(&self) {
        self.within(std::future::ready(())).await;
    }

    fn mortals(&self) -> MutexGuard<'_, Vec<Weak<dyn Die>>> {
        self.0.mortals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleepers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

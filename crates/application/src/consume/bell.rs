//! Rings when figures have changed, for those who wait on them; nearly free while nobody does.

use std::sync::atomic::{AtomicUsize, Ordering, fence};

use tokio::sync::Notify;

/// Wakes whoever waits for figures to change.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    waiting: AtomicUsize,
    notify: Notify,
}

/// Counts somebody as waiting until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bell {
    /// Says that figures have changed.
    pub(crate) fn ring(&self) {
        // Either the figures are seen by who began to wait, or who waits is seen here.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.notify.notify_waiters();
        }
    }

    /// Waits until `look` finds something; it looks at first and after every ring.
    pub(crate) async fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.waiting);
        loop {
            let mut rung = std::pin::pin!(self.notify.notified());
            rung.as_mut().enable();
            fence(Ordering::SeqCst);
            if let Some(found) = look() {
                return found;
            }
            rung.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn who_waits_looks_again_at_every_ring_and_is_not_counted_afterwards() {
        let (bell, figure) = (Bell::default(), AtomicUsize::new(0));
        let mut wait = Box::pin(bell.wait(|| Some(figure.load(Ordering::Relaxed)).filter(|n| *n == 2)));
        for n in 0..2 {
            figure.store(n, Ordering::Relaxed);
            bell.ring();
            assert_eq!((&mut wait).now_or_never(), None);
        }
        figure.store(2, Ordering::Relaxed);
        assert_eq!((&mut wait).now_or_never(), None, "nobody rang");
        bell.ring();
        assert_eq!((&mut wait).now_or_never(), Some(2));
        drop(wait);
        assert_eq!(bell.waiting.load(Ordering::Relaxed), 0);
    }
}

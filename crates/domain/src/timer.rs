//! One reusable wake-up on the clock port.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::clock::{BoxFuture, Clock};
use crate::time::Monotonic;

/// Wakes its task at the point asked for last; makes no new future while that point stands.
///
/// For loops and sessions that are polled: a wait for whatever comes first needs no future of its own each time.
///
/// *Cancel safety*: dropping it cancels the wake-up.
pub struct Timer {
    clock: Arc<dyn Clock>,
    armed: Option<(Monotonic, BoxFuture<()>)>,
}

impl Timer {
    /// A wake-up of this clock, for no point yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, armed: None }
    }

    /// Ready once `at` has come; with [`Monotonic::NEVER`], never.
    pub fn poll(&mut self, cx: &mut Context<'_>, at: Monotonic) -> Poll<()> {
        if at == Monotonic::NEVER {
            self.armed = None;
            return Poll::Pending;
        }
        let clock = &self.clock;
        let (_, wait) = match &mut self.armed {
            Some(armed) if armed.0 == at => armed,
            armed => armed.insert((at, clock.wake_at(at))),
        };
        let ready = wait.as_mut().poll(cx);
        if ready.is_ready() {
            self.armed = None;
        }
        ready
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.armed.as_ref().map(|(at, _)| at);
        f.debug_struct("Timer").field("at", &at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::task::Waker;
    use std::time::Duration;

    use super::*;
    use crate::time::Timestamp;

    /// A clock that is set by hand, and counts what waits on it.
    #[derive(Default)]
    struct Dial(Arc<(AtomicU64, AtomicUsize)>);

    impl Clock for Dial {
        fn wall(&self) -> Timestamp {
            Timestamp::default()
        }

        fn monotonic(&self) -> Monotonic {
            Monotonic::ZERO + Duration::from_secs(self.0.0.load(Ordering::SeqCst))
        }

        fn wake_at(&self, at: Monotonic) -> BoxFuture<()> {
            self.0.1.fetch_add(1, Ordering::SeqCst);
            let dial = Self(self.0.clone());
            Box::pin(std::future::poll_fn(move |_| {
                if dial.monotonic() >= at { Poll::Ready(()) } else { Poll::Pending }
            }))
        }
    }

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_timer_is_ready_at_its_point_and_makes_one_future_for_it() {
        let dial = Dial::default();
        let (state, cx) = (dial.0.clone(), &mut Context::from_waker(Waker::noop()));
        let mut timer = Timer::new(Arc::new(dial));
        assert!(timer.poll(cx, at(5)).is_pending());
        state.0.store(4, Ordering::SeqCst);
        assert!(timer.poll(cx, at(5)).is_pending());
        assert_eq!(state.1.load(Ordering::SeqCst), 1);
        assert!(timer.poll(cx, at(4)).is_ready(), "an earlier point takes the place of the one before");
    }

    #[test]
    fn a_timer_that_is_never_due_waits_for_nothing() {
        let dial = Dial::default();
        let (state, cx) = (dial.0.clone(), &mut Context::from_waker(Waker::noop()));
        let mut timer = Timer::new(Arc::new(dial));
        assert!(timer.poll(cx, Monotonic::NEVER).is_pending());
        assert_eq!(state.1.load(Ordering::SeqCst), 0);
    }
}

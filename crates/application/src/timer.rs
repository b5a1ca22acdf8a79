//! One reusable wake-up on the clock port.

use std::sync::Arc;
use std::task::{Context, Poll};

use laneway_domain::{BoxFuture, Clock, Monotonic};

/// Wakes its task at the point asked for last; makes no new future while that point stands.
pub(crate) struct Timer {
    clock: Arc<dyn Clock>,
    armed: Option<(Monotonic, BoxFuture<()>)>,
}

impl Timer {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, armed: None }
    }

    /// Ready once `at` has come; with [`Monotonic::NEVER`], never.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at: Monotonic) -> Poll<()> {
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

//! One reusable wake-up on the clock port.

use std::sync::Arc;
use std::task::{Context, Poll};

use laneway_domain::{BoxFuture, Clock, Monotonic};

/// Wakes its task at the point asked for last; makes no new future while that point stands.
#[derive(Default)]
pub(super) struct Timer(Option<(Monotonic, BoxFuture<()>)>);

impl Timer {
    /// Ready once `at` has come; with [`Monotonic::NEVER`], never.
    pub(super) fn poll(&mut self, clock: &Arc<dyn Clock>, at: Monotonic, cx: &mut Context<'_>) -> Poll<()> {
        if at == Monotonic::NEVER {
            self.0 = None;
            return Poll::Pending;
        }
        let (_, wait) = match &mut self.0 {
            Some(armed) if armed.0 == at => armed,
            armed => armed.insert((at, clock.wake_at(at))),
        };
        let ready = wait.as_mut().poll(cx);
        if ready.is_ready() {
            self.0 = None;
        }
        ready
    }
}

//! Whether handlers may start at all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use laneway_domain::Monotonic;

/// Shut for good when the subscription stops; shut for a time when the session's permission runs out.
///
/// Workers read it before every start, so nothing starts after the signal however many commands are under way.
#[derive(Debug)]
pub(crate) struct Gate {
    stopped: AtomicBool,
    until: AtomicU64,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { stopped: AtomicBool::new(false), until: AtomicU64::new(Monotonic::NEVER.nanos()) }
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sets the end of the permission; the one before it.
    pub(crate) fn allow(&self, until: Monotonic) -> Monotonic {
        Monotonic::from_nanos(self.until.swap(until.nanos(), Ordering::SeqCst))
    }

    #[inline]
    pub(crate) fn may_start(&self, now: Monotonic) -> bool {
        !self.stopped.load(Ordering::Acquire) && now.nanos() < self.until.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_after_the_permission_or_the_stop() {
        let gate = Gate::new();
        let at = Monotonic::from_nanos;
        assert!(gate.may_start(at(u64::MAX - 1)));
        gate.allow(at(10));
        assert!(gate.may_start(at(9)) && !gate.may_start(at(10)));
        gate.allow(Monotonic::NEVER);
        gate.stop();
        assert!(!gate.may_start(at(0)) && gate.is_stopped());
    }
}

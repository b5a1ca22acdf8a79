//! Whether handlers may start at all.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use laneway_domain::Monotonic;

/// Shut for good when the subscription stops; shut for a time when the session's permission runs out, by the breaker, or where
/// somebody in the process is to run alone.
///
/// Workers read it before every start, so nothing starts after the signal however many commands are under way.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicU8,
    until: AtomicU64,
}

/// What may start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Whatever is ready.
    Any,
    /// One event, as a probe of the breaker, by whoever [takes](Gate::take_probe) it first; a failure counts against it, or
    /// does not.
    Probe { counts: bool },
    /// Nothing.
    Nothing,
}

const RUNNING: u8 = 0;
/// The breaker is open, or somebody probes.
const TRIPPED: u8 = 1;
/// The breaker lets one probe through.
const PROBE: u8 = 2;
/// The same, and others were answered before: a failure is the event's own.
const PROBE_COUNTS: u8 = 3;
const STOPPED: u8 = 4;
/// Beside any of them: somebody in the process is to run alone.
const HELD: u8 = 8;

impl Gate {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU8::new(RUNNING), until: AtomicU64::new(Monotonic::NEVER.nanos()) }
    }

    pub(crate) fn stop(&self) {
        self.state.store(STOPPED, Ordering::SeqCst);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.load(Ordering::SeqCst) & !HELD == STOPPED
    }

    /// Holds it, or no longer: meanwhile nothing starts but what was named.
    pub(crate) fn hold(&self, hold: bool) {
        if hold {
            self.state.fetch_or(HELD, Ordering::SeqCst);
        } else {
            self.state.fetch_and(!HELD, Ordering::SeqCst);
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.state.load(Ordering::SeqCst) & HELD != 0
    }

    /// Sets the end of the permission; the one before it.
    pub(crate) fn allow(&self, until: Monotonic) -> Monotonic {
        Monotonic::from_nanos(self.until.swap(until.nanos(), Ordering::SeqCst))
    }

    /// When the permission ends.
    pub(crate) fn until(&self) -> Monotonic {
        Monotonic::from_nanos(self.until.load(Ordering::Relaxed))
    }

    /// Sets what the breaker lets through. A stop stays one.
    pub(crate) fn limit(&self, leave: Leave) {
        let state = match leave {
            Leave::Any => RUNNING,
            Leave::Probe { counts: false } => PROBE,
            Leave::Probe { counts: true } => PROBE_COUNTS,
            Leave::Nothing => TRIPPED,
        };
        let unless_stopped = |known| (known & !HELD != STOPPED).then_some(state | known & HELD);
        // Stopped is the one state that does not change.
        let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, unless_stopped);
    }

    #[inline]
    pub(crate) fn leave(&self, now: Monotonic) -> Leave {
        self.leave_in(self.state.load(Ordering::Acquire), now)
    }

    /// The same for what was named, while others hold still for it.
    pub(crate) fn leave_named(&self, now: Monotonic) -> Leave {
        self.leave_in(self.state.load(Ordering::Acquire) & !HELD, now)
    }

    /// The same for what has the process alone: as long as it waits everybody does, so it waits for no breaker.
    pub(crate) fn leave_alone(&self, now: Monotonic) -> Leave {
        let state = self.state.load(Ordering::Acquire) & !HELD;
        self.leave_in(if state == TRIPPED { RUNNING } else { state }, now)
    }

    #[inline]
    fn leave_in(&self, state: u8, now: Monotonic) -> Leave {
        if now.nanos() >= self.until.load(Ordering::Acquire) {
            return Leave::Nothing;
        }
        match state {
            RUNNING => Leave::Any,
            PROBE => Leave::Probe { counts: false },
            PROBE_COUNTS => Leave::Probe { counts: true },
            _ => Leave::Nothing,
        }
    }

    /// Takes the probe, and whether a failure counts; nothing where somebody was faster.
    pub(crate) fn take_probe(&self) -> Option<bool> {
        let take = |known| matches!(known & !HELD, PROBE | PROBE_COUNTS).then_some(TRIPPED | known & HELD);
        let taken = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        taken.ok().map(|probe| probe & !HELD == PROBE_COUNTS)
    }

    /// Whether a failed attempt counts against its event: not while the breaker holds starts back.
    pub(crate) fn attempts_count(&self) -> bool {
        !matches!(self.state.load(Ordering::Acquire) & !HELD, TRIPPED | PROBE | PROBE_COUNTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_after_the_permission_or_the_stop() {
        let gate = Gate::new();
        let at = Monotonic::from_nanos;
        assert_eq!(gate.leave(at(u64::MAX - 1)), Leave::Any);
        gate.allow(at(10));
        assert_eq!((gate.leave(at(9)), gate.leave(at(10))), (Leave::Any, Leave::Nothing));
        gate.allow(Monotonic::NEVER);
        gate.hold(true);
        assert!(gate.is_held() && gate.attempts_count());
        assert_eq!((gate.leave(at(0)), gate.leave_named(at(0))), (Leave::Nothing, Leave::Any));
        gate.limit(Leave::Probe { counts: true });
        assert_eq!((gate.leave(at(0)), gate.take_probe()), (Leave::Nothing, Some(true)));
        assert_eq!((gate.leave_named(at(0)), gate.leave_alone(at(0))), (Leave::Nothing, Leave::Any));
        gate.limit(Leave::Any);
        gate.hold(false);
        assert_eq!(gate.leave(at(0)), Leave::Any);
        gate.stop();
        assert_eq!(gate.leave_alone(at(0)), Leave::Nothing);
        gate.limit(Leave::Any);
        gate.hold(true);
        assert!(gate.leave_named(at(0)) == Leave::Nothing && gate.is_stopped());
    }

    #[test]
    fn a_probe_is_taken_once_and_attempts_count_when_all_may_start() {
        let gate = Gate::new();
        assert!(gate.take_probe().is_none() && gate.attempts_count());
        for counts in [false, true] {
            let probe = Leave::Probe { counts };
            gate.limit(probe);
            assert!(gate.leave(Monotonic::ZERO) == probe && !gate.attempts_count());
            assert_eq!((gate.take_probe(), gate.take_probe()), (Some(counts), None));
            assert_eq!(gate.leave(Monotonic::ZERO), Leave::Nothing);
        }
        gate.limit(Leave::Any);
        assert!(gate.leave(Monotonic::ZERO) == Leave::Any && gate.attempts_count());
    }
}

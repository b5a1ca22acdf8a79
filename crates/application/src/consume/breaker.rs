//! The circuit breaker in its place: workers say how attempts ended, the loop decides, the gate says what may start.
//!
//! The loop tells the breaker what ended and, once its state changes, sets the gate and wakes the workers. Half open, the gate
//! holds one probe; the worker that takes it reports how the attempt ended. Outside of that nothing knows of the breaker
//! but the failed attempt that asks whether it counts. Without a breaker the gate is always open and nobody reports.

use std::task::Context;

use laneway_domain::{ErrorClass, Event, HandlerError, HandlerMask, Monotonic};

use super::gate::Leave;
use super::r#loop::Loop;
use super::message::{Command, Report};
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Start};
use crate::policy::{Breaker, BreakerState, Probe};
use crate::sabotage::{Bug, is_planted};

/// A worker's part: how attempts failed in this turn, and the lane that probes.
#[derive(Debug, Default)]
pub(super) struct Probing {
    /// And whether a failure counts against its head.
    pub(super) lane: Option<(LaneId, bool)>,
    pub(super) answered: usize,
    failed: usize,
}

impl Probing {
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.lane.is_some()
    }
}

impl Loop {
    /// Attempts have ended: so many with an answer, so many in a way that trying again may help.
    pub(super) fn tried(&mut self, answered: usize, failed: usize) {
        let now = self.now;
        self.turn_breaker(|breaker| breaker.observe(answered, failed, now));
    }

    /// The probe has ended.
    pub(super) fn probed(&mut self, probe: Probe) {
        let now = self.now;
        self.turn_breaker(|breaker| breaker.probed(probe, now));
        self.offer_probe();
    }

    /// Opens half where the time has come.
    pub(super) fn wake_breaker(&mut self) {
        let now = self.now;
        self.turn_breaker(|breaker| breaker.wake(now));
        self.offer_probe();
    }

    /// When the breaker has something to do.
    pub(super) fn breaker_due(&self) -> Monotonic {
        self.breaker.as_ref().map_or(Monotonic::NEVER, Breaker::due)
    }

    fn turn_breaker(&mut self, turn: impl FnOnce(&mut Breaker) -> Option<BreakerState>) {
        let Some(state) = self.breaker.as_mut().and_then(turn) else { return };
        let shared = &self.shared;
        match state {
            BreakerState::Closed => {
                shared.gate.limit(Leave::Any);
                self.crew.tell(|| Command::Nudge);
            }
            BreakerState::Open { .. } => {
                shared.gate.limit(Leave::Nothing);
                shared.counters.breaker_openings.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            BreakerState::HalfOpen => {}
        }
        tracing::warn!(group = %shared.group, ?state, "the breaker turns");
        shared.hooks.breaker(&state);
        self.condition.breaker(state);
    }

    fn offer_probe(&mut self) {
        let Some(breaker) = self.breaker.as_mut() else { return };
        if breaker.may_probe() {
            self.shared.gate.limit(Leave::Probe { counts: breaker.has_answers() });
            self.crew.tell(|| Command::Nudge);
        }
    }
}

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    /// Starts one event for the breaker; not where somebody else does, or there is no permit.
    ///
    /// The probe is taken last, and never given back: whoever looked in between would sleep, and nobody would wake it.
    #[cold]
    pub(super) fn start_probe(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.purse.take(cx.waker()) {
            return false;
        }
        let (lane, ticket) = match self.lanes.start(self.now) {
            Start::Head(lane, ticket) => (lane, ticket),
            Start::Idle { until } => {
                self.tokens = until;
                self.purse.give();
                return false;
            }
        };
        let Some(counts) = self.shared.gate.take_probe() else {
            self.purse.give();
            self.lanes.refund(lane);
            self.lanes.retry(lane, self.now);
            return false;
        };
        self.probing.lane = Some((lane, counts));
        self.start(lane, ticket);
        if self.probing.lane == Some((lane, counts)) && self.lanes.phase(lane) != Some(Phase::Running) {
            // What had its turn was no attempt: a marker, or a record that does not decode.
            self.probe_ended(lane, Probe::Lost);
        }
        true
    }

    /// The attempt of a lane has ended. If it was the probe: whether its failure counts.
    #[cold]
    pub(super) fn probe_ended(&mut self, lane: LaneId, probe: Probe) -> Option<bool> {
        let (_, counts) = self.probing.lane.take_if(|(known, _)| *known == lane)?;
        self.done.push(Report::Probed(probe));
        Some(counts)
    }

    /// An attempt failed; whether that counts against its event.
    pub(super) fn outcome(&mut self, lane: LaneId, class: ErrorClass) -> bool {
        let (counter, probe) = match class {
            ErrorClass::Retryable => (&mut self.probing.failed, Probe::Failed),
            ErrorClass::Fatal => (&mut self.probing.answered, Probe::Answered),
        };
        *counter += 1;
        let of_probe = self.probe_ended(lane, probe);
        let counts = of_probe.unwrap_or_else(|| self.shared.gate.attempts_count());
        counts || is_planted(Bug::BreakerCountsAttempts)
    }

    /// Says how attempts failed, where a breaker wants to know.
    pub(super) fn report_outcomes(&mut self) {
        let (answered, failed) =
            (std::mem::take(&mut self.probing.answered), std::mem::take(&mut self.probing.failed));
        if answered + failed > 0 && self.shared.breaks {
            self.done.push(Report::Tried { answered, failed });
        }
    }
}

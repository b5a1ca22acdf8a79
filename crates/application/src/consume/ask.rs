//! What a worker does for tenures on probation: their heads ask before they start, and wait for an answer.

use std::collections::VecDeque;
use std::task::Context;

use laneway_domain::{DeathCause, Event, HandlerError, HandlerMask, Monotonic};

use super::gate::Leave;
use super::message::{Order, Plea, Report};
use super::seats::Sitter;
use super::vigil::LONGEST;
use super::worker::Worker;
use crate::lanes::{LaneId, Phase, Ticket};
use crate::ledger::Tenure;
use crate::policy::{Failure, FailureKind, Next};

/// Who asks; empty, and free, in health.
#[derive(Debug)]
pub(super) struct Restraint {
    tenures: Vec<Tenure>,
    /// Lanes whose heads may start, whoever else holds still; whether they have the process alone.
    named: VecDeque<(LaneId, bool)>,
    /// To be answered when nothing runs.
    hush: Option<u64>,
    /// Whether the loop waits to hear whether something hangs, and what it heard last.
    asked: bool,
    hangs: bool,
    /// When something that runs hangs next, where that is waited for.
    pub(super) due: Monotonic,
}

impl Default for Restraint {
    fn default() -> Self {
        let (tenures, named) = (Vec::new(), VecDeque::new());
        Self { tenures, named, hush: None, asked: false, hangs: false, due: Monotonic::NEVER }
    }
}

impl Sitter {
    /// When it has run for longer than others hold still for it. What can be stopped ends before.
    fn hangs_at(&self) -> Monotonic {
        if self.overdue { Monotonic::ZERO } else { self.since + LONGEST }
    }
}

impl Restraint {
    /// Whether no head has to ask.
    #[inline]
    pub(super) fn is_asleep(&self) -> bool {
        self.tenures.is_empty()
    }

    /// Tenures are over.
    pub(super) fn forget(&mut self, tenures: &[Tenure]) {
        self.tenures.retain(|tenure| !tenures.contains(tenure));
    }
}

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    pub(super) fn follow(&mut self, order: Order) {
        match order {
            Order::Ask(tenure) => self.restraint.tenures.push(tenure),
            Order::Trust(tenure) => self.restraint.forget(&[tenure]),
            Order::Start(lane, alone) => self.restraint.named.push_back((lane, alone)),
            Order::Bury(lane, crashes) => self.condemned(lane, crashes),
            Order::Hush(round) => {
                (self.restraint.hush, self.restraint.asked) = (Some(round), true);
                self.hand_back();
            }
            Order::Watch => self.restraint.asked = true,
            Order::Over => self.restraint.hush = None,
        }
    }

    /// Whether a head that could start has to ask first; then it has.
    #[cold]
    pub(super) fn asks_first(&mut self, lane: LaneId, ticket: Ticket) -> bool {
        let tenure = self.runs.tenure(ticket.run);
        let asks = self.restraint.tenures.contains(&tenure);
        if asks {
            self.purse.give();
            self.lanes.ask(lane);
            self.plead(lane, ticket);
        }
        asks
    }

    /// Starts heads that asked and were named, while there are permits.
    pub(super) fn start_named(&mut self, cx: &Context<'_>) {
        while let Some((lane, alone)) = self.restraint.named.front().copied() {
            if self.lanes.phase(lane) == Some(Phase::Asking) {
                if !self.may_begin(lane, alone, cx) {
                    return;
                }
                let named =
                    self.lanes.answer(lane).and_then(|ticket| Some((ticket, self.runs.event(ticket)?)));
                match named {
                    Some((ticket, event)) => self.begin(lane, ticket, event),
                    None => self.purse.give(),
                }
            }
            self.restraint.named.pop_front();
        }
    }

    /// Takes a permit for a named head. One that has the process alone waits neither for that nor for the breaker: whoever
    /// could give them may be holding still for it.
    fn may_begin(&mut self, lane: LaneId, alone: bool, cx: &Context<'_>) -> bool {
        let (gate, now) = (&self.shared.gate, self.now);
        let leave = if alone { gate.leave_alone(now) } else { gate.leave_named(now) };
        if leave == Leave::Nothing {
            return false;
        }
        if alone {
            self.purse.overdraw();
        } else if !self.purse.take(cx.waker()) {
            return false;
        }
        if matches!(leave, Leave::Probe { .. }) && !self.probes(lane) && !alone {
            self.purse.give();
            return false;
        }
        true
    }

    /// A named head starts as the breaker's probe, unless somebody else does.
    fn probes(&mut self, lane: LaneId) -> bool {
        let counts = self.shared.gate.take_probe();
        self.probing.lane = counts.map(|counts| (lane, counts)).or(self.probing.lane);
        counts.is_some()
    }

    /// An attempt is over.
    #[cold]
    pub(super) fn attempt_over(&mut self, ticket: Ticket, terminal: bool) {
        let tenure = self.runs.tenure(ticket.run);
        if self.restraint.tenures.contains(&tenure) {
            let position = self.runs.received(ticket).position;
            self.send(Report::Plea(Plea::Ended { tenure, position, terminal }));
        }
    }

    /// What was named and has not started asks again: somebody else is to be alone first.
    fn hand_back(&mut self) {
        for (lane, _) in std::mem::take(&mut self.restraint.named) {
            if let Some(ticket) = self.lanes.answer(lane) {
                self.attempt_over(ticket, false);
                self.lanes.ask(lane);
                self.plead(lane, ticket);
            }
        }
    }

    fn plead(&mut self, lane: LaneId, ticket: Ticket) {
        let (tenure, position) = (self.runs.tenure(ticket.run), self.runs.received(ticket).position);
        let (worker, limit) = (self.number, self.limit(ticket));
        self.send(Report::Plea(Plea::Asks { tenure, position, worker, lane, limit }));
    }

    /// Says that nothing runs, and that something hangs, where that was asked.
    pub(super) fn report_hush(&mut self) {
        let Restraint { hush, asked, hangs: said, .. } = self.restraint;
        self.restraint.due = Monotonic::NEVER;
        if hush.is_none() && !asked && !said {
            return;
        }
        let now = self.now;
        let ends =
            self.seats.sitters().map(|(_, sitter)| sitter.hangs_at()).min().unwrap_or(Monotonic::NEVER);
        let (worker, hangs) = (self.number, ends <= now);
        if asked || hangs != said {
            (self.restraint.asked, self.restraint.hangs) = (false, hangs);
            self.send(Report::Plea(Plea::Hangs { worker, hangs }));
        }
        if !hangs {
            self.restraint.due = ends;
        }
        if let Some(round) = hush.filter(|_| self.seats.taken() == 0) {
            self.restraint.hush = None;
            self.send(Report::Plea(Plea::Quiet(round)));
        }
    }

    /// The head of a lane was alone in its process whenever that crashed: it dies unstarted.
    fn condemned(&mut self, lane: LaneId, crashes: u32) {
        let asking = self.lanes.head(lane).filter(|_| self.lanes.phase(lane) == Some(Phase::Asking));
        let Some(ticket) = asking else { return };
        // It took its tokens when it asked, and starts no handler.
        self.lanes.refund(lane);
        let before = self.runs.attempts(ticket).saturating_add(crashes.saturating_sub(1));
        let trouble = self.trouble(lane, before, HandlerMask::ALL, true);
        let words = vec![format!("its process crashed {crashes} times while it ran alone")];
        let failure = Failure { kind: FailureKind::Crash, error: None, words };
        self.tell(ticket, &failure, trouble.attempts, Next::Fatal);
        self.dies(lane, ticket, DeathCause::Crashes, failure.words, trouble);
    }
}

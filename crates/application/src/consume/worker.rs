//! A worker: owns the lanes whose keys hash to it, and runs their handlers.
//!
//! It takes commands in, starts what is ready while there are permits, polls what was woken, and reports. Every decision
//! stands in the lanes and the policies; what happens to a failed attempt is in `fail`.

use std::sync::Arc;
use std::task::{Context, Poll};

use hashbrown::HashMap;
use laneway_domain::{Cancellation, Event, Handler, HandlerError, HandlerMask, Monotonic, Timer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::ask::Restraint;
use super::attempt::attempt;
use super::breaker::Probing;
use super::gate::Leave;
use super::message::{Command, DrainId, Report};
use super::park::Parked;
use super::permits::{Permits, Purse};
use super::run::{Run, Runs};
use super::seats::{Polled, Seats, Sitter};
use super::shared::{AtWork, Shared};
use super::stopwatch::Stopwatch;
use super::trouble::Troubles;
use crate::lanes::{Admitted, LaneId, Lanes, Opened, Phase, Start, Ticket};
use crate::ledger::Tenure;
use crate::policy::{Failure, FailureKind, Probe};
use crate::sabotage::{Bug, is_planted};

/// How many events a worker starts before it lets others run.
const TURN: usize = 1_024;
/// How many starts share one look at the clock.
const STARTS_PER_LOOK: usize = 64;

/// A worker, while its futures come from `call`.
pub(crate) struct Worker<C, F> {
    pub(super) shared: Arc<Shared>,
    pub(super) number: usize,
    _at_work: AtWork,
    call: C,
    pub(super) cancellation: Cancellation,
    commands: UnboundedReceiver<Command>,
    pub(super) reports: UnboundedSender<Report>,
    pub(super) lanes: Lanes,
    pub(super) runs: Runs,
    pub(super) seats: Seats<F>,
    pub(super) purse: Purse,
    pub(super) stopwatch: Stopwatch,
    pub(super) troubles: Troubles,
    /// Full lanes, and the tenure that holds back for each; empty, and free, while none is.
    pub(super) filled: HashMap<LaneId, Tenure, foldhash::fast::FixedState>,
    /// Lanes whose aggregate waits in the dead-letter store; empty, and free, while none does.
    pub(super) parked: HashMap<LaneId, Parked, foldhash::fast::FixedState>,
    pub(super) probing: Probing,
    pub(super) restraint: Restraint,
    pub(super) done: Vec<Report>,
    pub(super) drains: Vec<(DrainId, Vec<Tenure>)>,
    timer: Timer,
    /// The earliest deadline of what runs, or earlier.
    pub(super) patience: Monotonic,
    /// When there is a token for what is ready and has none.
    pub(super) tokens: Monotonic,
    pub(super) now: Monotonic,
    pub(super) closing: bool,
}

/// The ends of a worker's queues.
pub(crate) struct Post {
    pub(crate) at_work: AtWork,
    pub(crate) number: usize,
    pub(crate) commands: UnboundedReceiver<Command>,
    pub(crate) reports: UnboundedSender<Report>,
    pub(crate) permits: Arc<Permits>,
}

/// Runs a worker until the loop is gone and nothing runs any more.
pub(crate) async fn work<H: Handler>(handler: Arc<H>, shared: Arc<Shared>, post: Post) {
    let cancellation = handler.cancellation();
    let (handler, group) = (&*handler, shared.group.clone());
    let call = |event: Event, number: u32, due: HandlerMask| attempt(handler, &group, event, number, due);
    let mut worker = Worker::new(call, cancellation, shared, post);
    std::future::poll_fn(|cx| worker.poll(cx)).await;
}

impl<C, F> Worker<C, F>
where
    C: Fn(Event, u32, HandlerMask) -> F,
    F: Future<Output = Result<(), HandlerError>>,
{
    fn new(call: C, cancellation: Cancellation, shared: Arc<Shared>, post: Post) -> Self {
        Self {
            number: post.number,
            _at_work: post.at_work,
            call,
            cancellation,
            commands: post.commands,
            reports: post.reports,
            lanes: Lanes::within(shared.quotas.clone(), post.number, shared.lane_capacity),
            runs: Runs::new(shared.codec.clone()),
            seats: Seats::new(),
            purse: Purse::new(post.permits, post.number),
            stopwatch: Stopwatch::default(),
            troubles: Troubles::default(),
            filled: HashMap::default(),
            parked: HashMap::default(),
            probing: Probing::default(),
            restraint: Restraint::default(),
            done: Vec::new(),
            drains: Vec::new(),
            timer: Timer::new(shared.clock.clone()),
            patience: Monotonic::NEVER,
            tokens: Monotonic::NEVER,
            now: shared.clock.monotonic(),
            closing: false,
            shared,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.seats.register(cx.waker());
        self.now = self.shared.clock.monotonic();
        self.shared.counters.workers[self.number].begin(self.now);
        self.stopwatch.wind(&self.shared.gauges);
        self.take_commands(cx);
        let woken = self.poll_woken();
        self.keep_time();
        self.start_named(cx);
        let more = self.start_ready(cx) || woken;
        self.report_drains();
        self.report_hush();
        self.flush();
        self.purse.rest();
        if self.closing && self.seats.taken() == 0 {
            return Poll::Ready(());
        }
        let next = self.next_time();
        if more || self.timer.poll(cx, next).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn take_commands(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(command) = self.commands.poll_recv(cx) {
            match command {
                Some(command) => self.obey(command),
                None => {
                    self.close();
                    return;
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(run) => self.admit(*run),
            Command::Drain(id, tenures) => {
                self.forget(&tenures);
                self.drains.push((id, tenures));
            }
            Command::Evict(tenures) => self.evict(&tenures),
            Command::Buried(lane, after) => self.buried(lane, after),
            Command::Parked(run) => self.learn_parked(*run),
            Command::Redrive(redrive) => self.redrive(*redrive),
            Command::Probation(order) => self.follow(order),
            Command::Nudge => {}
            Command::Inspect(limit, answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(self.details(limit));
            }
        }
    }

    pub(super) fn admit(&mut self, run: Run) {
        if run.unordered {
            return self.admit_unordered(run);
        }
        let (run, entries) = self.runs.take(run, self.now);
        for row in 0..entries {
            self.admit_ticket(Ticket { run, row });
        }
    }

    #[inline]
    pub(super) fn admit_ticket(&mut self, ticket: Ticket) {
        let (lanes, runs) = (&mut self.lanes, &self.runs);
        let admitted = match (runs.entry(ticket).hash, runs.key(ticket)) {
            (Some(hash), Some(key)) => {
                lanes.admit(hash.get(), key.tenant, ticket, |other| runs.key(other) == Some(key))
            }
            _ => lanes.admit_loose(runs.tenant(ticket), ticket),
        };
        match admitted {
            Admitted::Ready(_) | Admitted::Queued(_) => {}
            Admitted::Parked(lane) => self.behind_parked(lane, ticket),
            Admitted::Filled(lane) => self.fills(lane, ticket),
        }
    }

    /// A lane's queue is full: behind a head that waits it goes to the store, else its partition holds back.
    #[cold]
    fn fills(&mut self, lane: LaneId, ticket: Ticket) {
        let tenure = self.runs.tenure(ticket.run);
        self.filled.insert(lane, tenure);
        self.send(Report::Full { tenure, full: true });
        if self.lanes.phase(lane) == Some(Phase::Waiting)
            && let (Some(head), Some(trouble)) = (self.lanes.head(lane), self.troubles.of(lane))
            && self.parks(head)
        {
            self.park_waiting(lane, head, trouble, trouble.until.since(self.now));
        }
    }

    /// Polls what was woken, each at most once or so: a handler that wakes itself all the time must not keep the worker
    /// from its commands and its clock. Whether there may be more.
    fn poll_woken(&mut self) -> bool {
        for _ in 0..TURN {
            if !tokio::task::coop::has_budget_remaining() {
                // Handlers on tokio's channels and timers would only wake themselves from now on.
                return true;
            }
            let Some((sitter, polled)) = self.seats.poll_woken() else { return false };
            self.polled(sitter, polled);
        }
        true
    }

    /// Starts what is ready while there are permits; whether there is more to start.
    fn start_ready(&mut self, cx: &mut Context<'_>) -> bool {
        self.tokens = Monotonic::NEVER;
        for started in 0..TURN {
            if self.lanes.ready() == 0 {
                return false;
            }
            if started % STARTS_PER_LOOK == STARTS_PER_LOOK - 1 {
                self.now = self.shared.clock.monotonic();
                self.shared.counters.workers[self.number].begin(self.now);
            }
            match self.shared.gate.leave(self.now) {
                Leave::Any => {}
                Leave::Probe { .. } if self.start_probe(cx) => continue,
                Leave::Probe { .. } | Leave::Nothing => return false,
            }
            if !self.purse.take(cx.waker()) {
                return false;
            }
            match self.lanes.start(self.now) {
                Start::Head(lane, ticket) => self.start(lane, ticket),
                Start::Idle { until } => {
                    self.tokens = until;
                    self.purse.give();
                    return false;
                }
            }
        }
        true
    }

    pub(super) fn start(&mut self, lane: LaneId, ticket: Ticket) {
        let Some(event) = self.runs.event(ticket) else {
            self.purse.give();
            self.lanes.refund(lane);
            if !self.is_marker(lane, ticket) {
                self.undecodable(lane, ticket);
            }
            return;
        };
        if self.restraint.is_asleep() || !self.asks_first(lane, ticket) {
            self.begin(lane, ticket, event);
        }
    }

    #[inline]
    pub(super) fn begin(&mut self, lane: LaneId, ticket: Ticket, event: Event) {
        let (failed, due) = (self.failures(lane, ticket), self.due(lane, ticket));
        let sitter = Sitter { lane, ticket, since: self.now, deadline: Monotonic::NEVER, overdue: false };
        let (at, polled) = self.seats.sit(sitter, (self.call)(event, failed + 1, due));
        if let Polled::Pending = polled {
            self.seats.sitter_mut(at).deadline = self.deadline(ticket);
            return;
        }
        self.polled(sitter, polled);
    }

    fn polled(&mut self, sitter: Sitter, polled: Polled<Result<(), HandlerError>>) {
        let failure = match polled {
            Polled::Pending => return,
            Polled::Returned(Ok(())) => None,
            Polled::Returned(Err(error)) => {
                let words = words(&error);
                Some(Failure { kind: FailureKind::Error, error: Some(error), words })
            }
            Polled::Panicked(_) if is_planted(Bug::PanicCountsAsDone) => None,
            Polled::Panicked(panic) => Some(Failure {
                kind: FailureKind::Panic,
                error: None,
                words: vec![format!("panic: {panic}")],
            }),
        };
        self.purse.give();
        self.stopwatch.ended(sitter.since, self.now);
        let Sitter { lane, ticket, .. } = sitter;
        if self.lanes.phase(lane) == Some(Phase::Ghost) {
            self.ghost_ended(lane, ticket, failure.is_none());
        } else if let Some(failure) = failure {
            self.failed(lane, ticket, failure);
        } else {
            self.succeeded(lane, ticket);
        }
    }

    fn succeeded(&mut self, lane: LaneId, ticket: Ticket) {
        if self.probing.is_under_way() {
            self.probe_ended(lane, Probe::Answered);
        }
        self.report_done(ticket);
        if !self.restraint.is_asleep() {
            self.attempt_over(ticket, true);
        }
        self.advance(lane, ticket);
    }

    /// How many attempts of the head of a lane have failed.
    #[inline]
    pub(super) fn failures(&self, lane: LaneId, ticket: Ticket) -> u32 {
        let here = if self.lanes.is_troubled(lane) { self.troubles.attempts(lane) } else { None };
        here.unwrap_or_else(|| self.runs.attempts(ticket))
    }

    /// Which handlers the head of a lane is due for.
    #[inline]
    fn due(&self, lane: LaneId, ticket: Ticket) -> HandlerMask {
        if self.lanes.is_troubled(lane) { self.troubles.due(lane) } else { self.runs.due(ticket) }
    }

    /// The head of a lane is terminal, or gone: the next one may come.
    pub(super) fn advance(&mut self, lane: LaneId, ticket: Ticket) {
        if self.lanes.is_troubled(lane) {
            self.troubles.forget(lane);
        }
        if self.lanes.finish(lane) == Opened::Relieved
            && let Some(tenure) = self.filled.remove(&lane)
        {
            self.send(Report::Full { tenure, full: false });
        }
        self.runs.release(ticket);
    }
}

/// What an error says of itself; its own code runs for that, and may panic.
fn words(error: &HandlerError) -> Vec<String> {
    let said = crate::guard::guarded(|| laneway_domain::chain(error.cause()));
    said.unwrap_or_else(|panic| vec![format!("an error that panicked while it was shown: {panic}")])
}

//! The driver of one subscription's recovery: looks at the backlog, lets the mode decide, and does what follows from it.
//!
//! A task beside the consume loop, because it waits for the broker's answers. It moves the permits itself; what only the loop may touch it asks
//! for with [`Control::Switch`]. It ends with its loop.

use std::sync::Arc;
use std::task::{Context, Poll};

use laneway_domain::invariant::RecoveryMode;
use laneway_domain::{BoxFuture, Monotonic, Subscriber, Timer};
use tokio::sync::{mpsc, oneshot};

use super::callbacks::{RecoveryNews, Teller};
use super::concurrency::Concurrency;
use super::eta::DrainEta;
use super::machine::{BacklogSample, Recovery, SwitchRefused, Transition};
use super::options::RecoveryOptions;
use super::precedence::{Lead, Precedence};
use crate::backlog::{BacklogWatch, Look, look};
use crate::calls::Counters;
use crate::consume::message::{Control, Switch};
use crate::consume::shared::Shared;

/// What a user wants.
pub(crate) struct Wish {
    /// Whether to begin a recovery, or to end one.
    pub(crate) begin: bool,
    pub(crate) answer: oneshot::Sender<Result<Transition, SwitchRefused>>,
}

/// What happens to a driver.
enum Input {
    /// The loop is gone.
    Gone,
    /// A user wants something.
    Wish(Wish),
    /// The broker told the lag, or could not.
    Checked(Option<BacklogSample>),
    /// What was read while recovering is through.
    Drained,
    /// A time has come.
    Due,
}

/// Drives the recovery of one subscription.
pub(crate) struct Driver {
    options: RecoveryOptions,
    max_in_flight: usize,
    shared: Arc<Shared>,
    subscriber: Arc<dyn Subscriber>,
    watch: BacklogWatch,
    control: mpsc::UnboundedSender<Control>,
    gone: BoxFuture<()>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    teller: Teller,
    /// Where others give way to this one.
    precedence: Option<Precedence>,
    lead: Option<Lead>,
    recovery: Recovery,
    concurrency: Concurrency,
    eta: DrainEta,
    backlog: Option<BacklogSample>,
    check: Option<BoxFuture<Option<BacklogSample>>>,
    next_check: Monotonic,
    next_step: Monotonic,
    drained: Option<oneshot::Receiver<()>>,
    /// When draining is over whatever is still open.
    give_up: Monotonic,
    timer: Timer,
    now: Monotonic,
}

impl Driver {
    /// A driver whose mode holds before the loop reads anything: what the loop has to know is in its queue then.
    pub(crate) fn new(
        options: RecoveryOptions,
        max_in_flight: usize,
        shared: &Arc<Shared>,
        (subscriber, watch): (Arc<dyn Subscriber>, BacklogWatch),
        (control, wishes): (mpsc::UnboundedSender<Control>, mpsc::UnboundedReceiver<Wish>),
        precedence: Option<Precedence>,
    ) -> Self {
        let (clock, now) = (shared.clock.clone(), shared.clock.monotonic());
        let held = control.clone();
        let mut driver = Self {
            max_in_flight,
            shared: shared.clone(),
            subscriber,
            watch,
            control,
            gone: Box::pin(async move { held.closed().await }),
            wishes,
            teller: Teller::start(options.callbacks.clone(), clock.clone(), options.callback_limit),
            precedence,
            lead: None,
            recovery: Recovery::new(options.policy, now),
            concurrency: Concurrency::new(options.concurrency, max_in_flight, now),
            eta: DrainEta::default(),
            backlog: None,
            check: None,
            next_check: now,
            next_step: Monotonic::NEVER,
            drained: None,
            give_up: Monotonic::NEVER,
            timer: Timer::new(clock),
            now,
            options,
        };
        if driver.recovery.mode() == RecoveryMode::Recovering {
            driver.recover();
            driver.news(None);
        }
        driver
    }

    /// How calls of callbacks end.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        self.teller.counters().clone()
    }

    /// Runs until the loop is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let input = std::future::poll_fn(|cx| self.poll_input(cx)).await;
            self.now = self.shared.clock.monotonic();
            match input {
                Input::Gone => return,
                Input::Wish(wish) => self.obey(wish),
                Input::Checked(sample) => self.checked(sample),
                Input::Drained => self.through(),
                Input::Due => {}
            }
            self.keep_time();
        }
    }

    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if self.gone.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Input::Gone);
        }
        if let Poll::Ready(Some(wish)) = self.wishes.poll_recv(cx) {
            return Poll::Ready(Input::Wish(wish));
        }
        if let Some(check) = &mut self.check
            && let Poll::Ready(sample) = check.as_mut().poll(cx)
        {
            self.check = None;
            return Poll::Ready(Input::Checked(sample));
        }
        if let Some(drained) = &mut self.drained
            && std::pin::Pin::new(drained).poll(cx).is_ready()
        {
            return Poll::Ready(Input::Drained);
        }
        let check = if self.check.is_some() { Monotonic::NEVER } else { self.next_check };
        self.timer.poll(cx, check.min(self.next_step).min(self.give_up)).map(|()| Input::Due)
    }

    fn keep_time(&mut self) {
        if self.next_check <= self.now && self.check.is_none() {
            self.look();
        }
        if self.next_step <= self.now {
            self.step();
        }
        if self.give_up <= self.now {
            self.through();
        }
    }

    /// Begins a check. The next one is due a while after this one began, so that slow answers do not make checks rare.
    fn look(&mut self) {
        self.next_check = self.now + self.interval();
        let (subscriber, watch) = (self.subscriber.clone(), self.watch.clone());
        let (clock, limit) = (self.shared.clock.clone(), self.options.check_limit);
        self.check = Some(Box::pin(async move {
            let Look { rows, .. } = look(subscriber.lag()?, &watch, &*clock, limit).await.ok()?;
            Some(BacklogSample::of(&rows, clock.wall()))
        }));
    }

    fn interval(&self) -> std::time::Duration {
        match self.recovery.mode() {
            RecoveryMode::Normal => self.options.interval,
            RecoveryMode::Recovering | RecoveryMode::Draining => self.options.recovering_interval,
        }
    }

    /// Without an answer everything stays as it is.
    fn checked(&mut self, sample: Option<BacklogSample>) {
        let Some(mut sample) = sample else { return };
        if self.recovery.mode() != RecoveryMode::Normal {
            sample.events = sample.events.saturating_sub(self.shared.gauges.ahead());
        }
        self.backlog = Some(sample);
        self.eta.observe(sample.events, self.now);
        if let Some(transition) = self.recovery.observe(&sample, self.now) {
            self.switched(transition);
        } else if self.recovery.mode() == RecoveryMode::Normal {
            self.say();
        } else {
            self.news(None);
        }
    }

    fn obey(&mut self, Wish { begin, answer }: Wish) {
        let now = self.now;
        let switched = if begin { self.recovery.enter(now) } else { self.recovery.leave(now) };
        if let Ok(transition) = switched {
            self.switched(transition);
        }
        // Whoever asked may have gone.
        let _ = answer.send(switched);
    }

    /// What was read while recovering is through, or took too long.
    fn through(&mut self) {
        (self.drained, self.give_up) = (None, Monotonic::NEVER);
        self.recovery.drained(self.now).into_iter().for_each(|transition| self.switched(transition));
    }

    fn switched(&mut self, transition: Transition) {
        match transition.to {
            RecoveryMode::Recovering => self.recover(),
            RecoveryMode::Draining => self.drain(),
            RecoveryMode::Normal => self.tell_loop(RecoveryMode::Normal, None),
        }
        self.news(Some(transition));
    }

    /// Begins: more handlers, more fetched, others give way.
    fn recover(&mut self) {
        self.shared.gauges.take_latencies();
        self.shared.gauges.finished_ahead(0);
        self.eta.clear();
        self.concurrency = Concurrency::new(self.options.concurrency, self.max_in_flight, self.now);
        self.shared.permits.resize(self.concurrency.limit());
        self.lead = self.precedence.as_ref().map(Precedence::lead);
        (self.drained, self.give_up) = (None, Monotonic::NEVER);
        self.next_step = self.now + self.options.concurrency.window;
        self.next_check = self.next_check.min(self.now + self.options.recovering_interval);
        self.tell_loop(RecoveryMode::Recovering, None);
    }

    /// Ends: what was read while recovering is handled in its order before the mode is normal. What a dead letter blocks never would be,
    /// so it does not wait for longer than a mode stays.
    fn drain(&mut self) {
        let (tell, drained) = oneshot::channel();
        self.shared.permits.resize(self.max_in_flight);
        self.lead = None;
        self.next_step = Monotonic::NEVER;
        (self.drained, self.give_up) = (Some(drained), self.now + self.options.policy.hysteresis);
        self.tell_loop(RecoveryMode::Draining, Some(tell));
    }

    fn tell_loop(&self, mode: RecoveryMode, drained: Option<oneshot::Sender<()>>) {
        self.shared.gauges.switch(mode);
        let factor = if mode == RecoveryMode::Recovering { self.options.fetch_factor } else { 1 };
        // A loop that has gone recovers no more.
        let _ = self.control.send(Control::Switch(Switch { factor, drained }));
    }

    /// Moves the limit of handlers by what they measured.
    fn step(&mut self) {
        self.next_step = self.now + self.options.concurrency.window;
        if let Some(limit) = self.concurrency.observe(self.shared.gauges.take_latencies(), self.now) {
            self.shared.permits.resize(limit);
            self.shared.counters.bell.ring();
        }
    }

    fn news(&self, switched: Option<Transition>) {
        self.say();
        let mode = self.recovery.mode();
        self.teller.tell(RecoveryNews {
            at: self.shared.clock.wall(),
            group: self.watch.group.clone(),
            mode,
            switched,
            backlog: self.backlog,
            rate: self.eta.rate(),
            eta: self.eta.left().filter(|_| mode != RecoveryMode::Normal),
            concurrency: self.shared.permits.limit(),
        });
    }

    fn say(&self) {
        let recovers = self.recovery.mode() != RecoveryMode::Normal;
        let eta = self.eta.left().filter(|_| recovers);
        self.shared.gauges.say(self.backlog.map(|backlog| backlog.events), eta);
        self.shared.counters.bell.ring();
    }
}

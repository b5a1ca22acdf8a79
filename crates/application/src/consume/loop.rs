//! The consume loop: the only room that waits.
//!
//! It reads like the path of an event: the session delivers, the ledger opens, workers handle, what they report is
//! settled, and when the watermark has moved it is committed. Each step stands in a file of its own: `assign`, `deliver`,
//! `settle`, `end`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use laneway_domain::{Flow, Monotonic, PartitionId, SessionEvent, Timer};
use tokio::sync::{mpsc, oneshot};

use super::crew::Crew;
use super::drains::Drains;
use super::health::Condition;
use super::link::{Link, LinkEvent};
use super::message::{Command, Control, Report};
use super::probation::Probations;
use super::recover::Draining;
use super::shared::Shared;
use super::stats::LaneDetail;
use crate::dead_letter::{Burials, Buried};
use crate::ledger::{Ledger, Tenure};
use crate::parking::{Lots, Stored};
use crate::policy::{Breaker, Commits, Credit};

/// What happens to a subscription.
enum Input {
    /// Somebody asks for something.
    Control(Control),
    /// Workers have results.
    Reports,
    /// The dead-letter store took a letter, or did not.
    Buried(Buried),
    /// The dead-letter store answered about what waits in it.
    Stored(Box<Stored>),
    /// The broker has something.
    Link(LinkEvent),
    /// A worker has panicked outside of any handler.
    WorkerGone,
    /// A time has come.
    Due,
}

/// The loop of one subscription.
pub(crate) struct Loop {
    pub(super) shared: Arc<Shared>,
    pub(super) link: Link,
    pub(super) ledger: Ledger,
    pub(super) credit: Credit,
    pub(super) crew: Crew,
    pub(super) drains: Drains,
    pub(super) burials: Burials,
    pub(super) lots: Lots,
    pub(super) probations: Probations,
    pub(super) commits: Commits,
    /// Why the broker did not store the last checkpoint of a tenure.
    pub(super) refusals: BTreeMap<Tenure, String>,
    pub(super) breaker: Option<Breaker>,
    /// What was read while recovering and is not through, while that is waited for.
    pub(super) draining: Option<Draining>,
    pub(super) state_bytes: usize,
    pub(super) condition: Condition,
    pub(super) control: mpsc::UnboundedReceiver<Control>,
    pub(super) inbox: Vec<Report>,
    pub(super) flows: Vec<(PartitionId, Flow)>,
    pub(super) timer: Timer,
    /// When the input that is looked at now arrived.
    pub(super) now: Monotonic,
    /// When to give up on the session's last answer.
    pub(super) closing: Option<Monotonic>,
    pub(super) ended: bool,
    /// Why, if nobody asked for it.
    pub(super) reason: Option<String>,
    /// Whether the session was told to close.
    pub(super) left: bool,
}

/// What workers get to drop their handlers where nobody set a deadline.
const GRACE: Duration = Duration::from_millis(100);
/// How many reports are taken at once.
const REPORTS: usize = 256;

impl Loop {
    /// Runs until the subscription is closed, or its session ends for good.
    pub(crate) async fn run(mut self) {
        while !self.ended {
            let input = std::future::poll_fn(|cx| self.poll_input(cx)).await;
            self.now = self.shared.clock.monotonic();
            match input {
                Input::Link(event) => self.on_link(event),
                Input::Reports => self.settle_reports(),
                Input::Buried(buried) => self.on_buried(buried),
                Input::Stored(stored) => self.on_stored(*stored),
                Input::Control(control) => self.on_control(control),
                Input::WorkerGone => self.end(Some("a worker panicked; its lanes no longer move".to_owned())),
                Input::Due => {}
            }
            self.keep_time();
        }
        self.leave().await;
    }

    /// The session goes first, so that nothing is assigned any more; then the workers; then it is said to have ended.
    async fn leave(self) {
        let Self { shared, link, crew, probations, condition, control, reason, closing, .. } = self;
        drop((link, control));
        probations.seat.hangs(true);
        let over = closing.unwrap_or_else(|| shared.clock.monotonic() + GRACE);
        crew.dismiss(shared.clock.wake_at(over)).await;
        condition.ended(reason);
        drop(condition);
        // What cannot be dropped still runs in the process: no suspect does beside it.
        let gone = || (shared.at_work.load(Ordering::Acquire) == 0).then_some(());
        shared.counters.bell.wait(gone).await;
    }

    /// Results come before new events, because they free what the new ones need.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if !tokio::task::coop::has_budget_remaining() {
            // Out of budget the channels would seem empty, and the session's events would overtake the results.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Poll::Ready(Some(control)) = self.control.poll_recv(cx) {
            return Poll::Ready(Input::Control(control));
        }
        if self.crew.reports().poll_recv_many(cx, &mut self.inbox, REPORTS).is_ready() {
            return Poll::Ready(Input::Reports);
        }
        if let Poll::Ready(buried) = self.burials.poll(cx) {
            return Poll::Ready(Input::Buried(buried));
        }
        if let Poll::Ready(stored) = self.lots.poll(cx) {
            return Poll::Ready(Input::Stored(Box::new(stored)));
        }
        if let Poll::Ready(event) = self.link.poll(cx) {
            return Poll::Ready(Input::Link(event));
        }
        if self.crew.poll_gone(cx).is_ready() {
            return Poll::Ready(Input::WorkerGone);
        }
        let closing = self.closing.unwrap_or(Monotonic::NEVER);
        let due = self
            .commits
            .due()
            .min(self.drains.due())
            .min(self.lots.due())
            .min(self.breaker_due())
            .min(self.probations.due())
            .min(closing);
        self.timer.poll(cx, due).map(|()| Input::Due)
    }

    fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Session(event) => self.on_session(event),
            LinkEvent::Reopened => self.condition.reopened(),
            LinkEvent::Ended(reason) => self.end(Some(reason)),
        }
    }

    fn on_session(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Batch(batch) => self.deliver(&batch),
            SessionEvent::Assigned(assignments) => self.assigned(assignments),
            SessionEvent::Progress { partition, epoch, upto } => self.progressed(partition, epoch, upto),
            SessionEvent::Gap(gap) => self.gap(&gap),
            SessionEvent::Revoking { revocation, partitions, until } => {
                self.revoking(revocation, &partitions, until);
            }
            SessionEvent::Lost { partitions } => self.lost(&partitions),
            SessionEvent::Committed(answers) => self.committed(answers),
            SessionEvent::MayStart { until } => self.may_start(until),
            SessionEvent::Connection(change) => self.connection(&change),
            SessionEvent::Failed(error) => self.failed(error),
            SessionEvent::Closed if self.shared.gate.is_stopped() => self.end(None),
            SessionEvent::Closed => self.end(Some("the broker closed the session".to_owned())),
        }
    }

    /// Does what is due: ends drains, commits, gives up on a session that does not close.
    fn keep_time(&mut self) {
        self.finish_drains();
        self.decide_probation();
        if self.commits.take(self.now) {
            self.commit();
        }
        if self.closing.is_some_and(|deadline| deadline <= self.now) {
            self.end(None);
        }
        self.lots.drive(self.now);
        self.wake_breaker();
        self.finish_draining();
        self.say_ahead();
        self.condition.store(self.burials.refusal().or(self.lots.refusal()));
        self.condition.suspects(self.suspects());
        self.condition.commits(self.refusals.values().next().map(String::as_str));
        self.count_open();
    }

    fn on_control(&mut self, control: Control) {
        match control {
            Control::Close { deadline } => self.close(deadline),
            Control::Inspect { limit, answer } => self.inspect(limit, &answer),
            Control::Vigil(word) => self.keep_vigil(word),
            Control::Switch(switch) => self.switch(switch),
            Control::Stalled(why) => self.condition.stalled(why),
        }
    }

    fn inspect(&self, limit: usize, answer: &mpsc::UnboundedSender<Vec<LaneDetail>>) {
        for worker in 0..self.crew.len() {
            let (tell, told) = oneshot::channel();
            self.crew.send(worker, Command::Inspect(limit, tell));
            let answer = answer.clone();
            tokio::spawn(async move {
                if let Ok(details) = told.await {
                    // Whoever asked may have gone.
                    let _ = answer.send(details);
                }
            });
        }
    }
}

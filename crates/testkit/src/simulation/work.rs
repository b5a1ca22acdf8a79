//! The handlers of a scenario.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use laneway_application::Bus;
use laneway_domain::invariant::MemberId;
use laneway_domain::{AggregateId, AggregateKey, Cancellation, Event, Handler, HandlerContext, HandlerError};

use super::behaviour::{Behaviour, Ending};
use super::group::GroupPlan;
use super::life::Life;
use super::stage::Stage;
use super::traffic;

/// Does what the temper of its group says.
pub(super) struct Work {
    pub(super) stage: Arc<Stage>,
    pub(super) bus: Bus,
    pub(super) member: MemberId,
    pub(super) group: usize,
    pub(super) calls: AtomicU32,
    pub(super) life: Life,
}

/// How long work goes on that hangs and cannot be cancelled.
const HANG: Duration = Duration::from_secs(4);

impl Handler for Work {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        self.stage.beat();
        let Some(id) = event.id() else { return Err(HandlerError::fatal("an event without an id")) };
        let _running = self.lane(event).map(|lane| self.stage.enter((self.member, self.group, lane)));
        if self.stage.is_healed() {
            return Ok(());
        }
        if self.stage.kills(self.group, id) {
            self.stage.killed(&self.life, self.member, self.group, event);
            std::future::pending::<()>().await;
        }
        let attempt = self.attempt(context.attempt);
        let Behaviour { yields, wait, publishes, ending } = self.plan().temper.behaviour(id, attempt);
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        if !wait.is_zero() {
            self.stage.wait(wait).await;
        }
        if publishes {
            self.publish(event).await?;
        }
        match ending {
            Ending::Done => Ok(()),
            Ending::Fails => Err(HandlerError::retryable("the scenario says so")),
            Ending::Fatal => Err(HandlerError::fatal("the scenario says so")),
            // Unlike `panic!` this tells no hook, so thousands of them are quiet.
            Ending::Panics => std::panic::resume_unwind(Box::new("the scenario says so")),
            Ending::Hangs => self.hang().await,
        }
    }

    fn cancellation(&self) -> Cancellation {
        self.plan().cancellation
    }
}

impl Work {
    /// What decides how an attempt goes. Where a breaker holds back, attempts that do not count have one number, and must not
    /// all go the same way for that.
    fn attempt(&self, number: u32) -> u32 {
        match self.plan().breaker {
            Some(_) => self.calls.fetch_add(1, Ordering::Relaxed),
            None => number,
        }
    }

    fn plan(&self) -> &GroupPlan {
        &self.stage.scenario.groups[self.group]
    }

    /// The merged lane of an event, where the group's router merges.
    fn lane(&self, event: &Event) -> Option<AggregateKey> {
        let plan = Some(self.plan()).filter(|plan| plan.is_in_order());
        let id = plan?.merged(event.aggregate().map(AggregateId::as_str))?;
        let (topic, tenant) = (event.topic().clone(), event.tenant().cloned());
        Some(AggregateKey { topic, tenant, id: AggregateId::new(id).ok()? })
    }

    async fn publish(&self, event: &Event) -> Result<(), HandlerError> {
        let Some(topic) = self.stage.side() else { return Ok(()) };
        let echo = traffic::echo(self.stage.scenario.seed, self.stage.echo(), event, topic);
        match self.bus.publish(echo).await {
            Ok(_) => Ok(()),
            Err(error) => Err(HandlerError::retryable(error)),
        }
    }

    async fn hang(&self) -> Result<(), HandlerError> {
        if self.cancellation() == Cancellation::Drop {
            std::future::pending::<()>().await;
        }
        self.stage.wait(HANG).await;
        Ok(())
    }
}

/// Work in a task of its own: it goes on whatever becomes of the future that waits for it.
pub(super) struct Detached<H> {
    pub(super) work: Arc<H>,
    pub(super) life: Life,
}

impl<H: Handler> Handler for Detached<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let (work, life) = (self.work.clone(), self.life.clone());
        let (event, group) = (event.clone(), context.group.clone());
        let (attempt, due) = (context.attempt, context.due);
        let mut task = Box::pin(async move {
            let context = HandlerContext { group: &group, attempt, due };
            life.within(work.handle(&event, &context)).await
        });
        // It begins here and now; what goes on after that goes on by itself.
        let begun = std::future::poll_fn(|cx| Poll::Ready(task.as_mut().poll(cx))).await;
        if let Poll::Ready(result) = begun {
            return result;
        }
        match tokio::spawn(task).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Only the end of the runtime cancels it.
            Err(_) => std::future::pending().await,
        }
    }

    fn cancellation(&self) -> Cancellation {
        Cancellation::Finish
    }
}

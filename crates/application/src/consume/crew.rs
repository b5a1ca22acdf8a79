//! The workers, as the loop sees them.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use futures_util::future::select;
use laneway_domain::{BoxFuture, Handler};

use super::message::{Command, Report};
use super::shared::{AtWork, Shared};
use super::worker::{Post, work};

/// The workers' queues. Both directions are bounded by the credit, not by the channel.
pub(crate) struct Crew {
    workers: Vec<UnboundedSender<Command>>,
    reports: UnboundedReceiver<Report>,
    /// Keeps the reports open: a queue whose workers are all gone would be ready for ever, and hide that they are.
    _open: UnboundedSender<Report>,
    tasks: JoinSet<()>,
}

impl Crew {
    /// Starts the workers; this is where the handler's type is erased.
    pub(crate) fn start<H: Handler>(handler: &Arc<H>, shared: &Arc<Shared>, workers: usize) -> Self {
        let (up, reports) = unbounded_channel();
        let mut tasks = JoinSet::new();
        let hire = |number| {
            let (down, commands) = unbounded_channel();
            let at_work = AtWork::new(shared.clone());
            let post =
                Post { at_work, number, commands, reports: up.clone(), permits: shared.permits.clone() };
            tasks.spawn(work(handler.clone(), shared.clone(), post));
            down
        };
        let workers = (0..workers).map(hire).collect();
        Self { workers, reports, _open: up, tasks }
    }

    /// Ready when a worker is gone that nobody dismissed: it has panicked, and its lanes will not move again.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.tasks.poll_join_next(cx) {
            Poll::Ready(Some(_)) => Poll::Ready(()),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Dismisses the workers and waits until they have ended, at most until `over` is ready. A handler that cannot be
    /// dropped keeps its worker beyond that.
    pub(crate) async fn dismiss(mut self, over: BoxFuture<()>) {
        self.workers.clear();
        let tasks = &mut self.tasks;
        let ended = Box::pin(async move { while tasks.join_next().await.is_some() {} });
        drop(select(ended, over).await);
        self.tasks.detach_all();
    }

    /// How many workers there are.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// The worker that owns the lanes of this hash. The high bits choose, because the table of lanes uses the low ones.
    #[inline]
    pub(crate) fn of(&self, hash: NonZeroU64) -> usize {
        let share = (u128::from(hash.get()) * self.workers.len() as u128) >> 64;
        usize::try_from(share).unwrap_or(0)
    }

    /// Sends a command. A worker that is gone has panicked outside of any handler; its lanes stay closed.
    pub(crate) fn send(&self, worker: usize, command: Command) {
        if self.workers[worker].send(command).is_err() {
            tracing::error!(worker, "a worker is gone");
        }
    }

    /// Sends a command to every worker.
    pub(crate) fn tell(&self, command: impl Fn() -> Command) {
        (0..self.workers.len()).for_each(|worker| self.send(worker, command()));
    }

    /// The workers' reports.
    pub(crate) fn reports(&mut self) -> &mut UnboundedReceiver<Report> {
        &mut self.reports
    }
}

#[cfg(test)]
#[path = "crew_tests.rs"]
mod tests;

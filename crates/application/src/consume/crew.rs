//! The workers, as the loop sees them.

use std::num::NonZeroU64;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use laneway_domain::Handler;

use super::message::{Command, Report};
use super::permits::Permits;
use super::shared::Shared;
use super::worker::{Post, work};

/// The workers' queues. Both directions are bounded by the credit, not by the channel.
pub(crate) struct Crew {
    workers: Vec<UnboundedSender<Command>>,
    reports: UnboundedReceiver<Report>,
}

impl Crew {
    /// Starts the workers; this is where the handler's type is erased.
    pub(crate) fn start<H: Handler>(
        handler: &Arc<H>,
        shared: &Arc<Shared>,
        workers: usize,
        in_flight: usize,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let permits = Permits::new(in_flight, workers);
        let (up, reports) = unbounded_channel();
        let hire = |number| {
            let (down, commands) = unbounded_channel();
            let post = Post { number, commands, reports: up.clone(), permits: permits.clone() };
            (down, tokio::spawn(work(handler.clone(), shared.clone(), post)))
        };
        let (workers, tasks) = (0..workers).map(hire).unzip();
        (Self { workers, reports }, tasks)
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

//! The handler that gathers.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use laneway_domain::{Clock, Event, GroupId, Handler, HandlerContext, HandlerError, Monotonic};

use super::handler::{BatchHandler, EventBatch, Member};
use super::options::BatchOptions;
use super::outcome::BatchFailed;
use super::table::{HandOver, Job, Place, Table, Turn, Work};
use crate::consume::ConfigError;
use crate::guard::guarded;
use crate::publish::hops::counting;
use laneway_domain::Timer;

/// A [`Handler`] that gathers events and gives them to a [`BatchHandler`] together.
///
/// Several batches run at once, as far as the subscription's `max_in_flight` reaches. An event that runs out of time, or
/// whose partition goes away, leaves its batch: one that still gathers goes on without it; one that runs ends for the
/// others, and until then no further batch starts, because the lane of the event that left is open again. When the last
/// event has left, the user's future is dropped.
pub struct Batches<B> {
    handler: Arc<B>,
    options: BatchOptions,
    clock: Arc<dyn Clock>,
    table: Arc<Mutex<Table>>,
}

impl<B: BatchHandler> Batches<B> {
    /// Gathers for `handler`, with the waits of `clock`.
    ///
    /// [`Bus::subscribe_batches`](crate::Bus::subscribe_batches) also checks the options against the subscription's.
    ///
    /// # Errors
    /// Every rule that the options break.
    pub fn new(options: BatchOptions, clock: Arc<dyn Clock>, handler: B) -> Result<Self, ConfigError> {
        ConfigError::check(options.faults())?;
        let table = Arc::new(Mutex::new(Table::new(options.size)));
        Ok(Self { handler: Arc::new(handler), options, clock, table })
    }

    fn seat(&self, event: &Event, context: &HandlerContext<'_>) -> Seated<'_, B> {
        let member = Member { event: event.clone(), attempt: context.attempt };
        let patience = self.clock.monotonic() + self.options.max_wait;
        let (place, job) = self.at_table(|table| table.join(member));
        let timer = Timer::new(self.clock.clone());
        Seated { batches: self, group: context.group.clone(), place, job, patience, timer, left: false }
    }

    /// Changes the table, and wakes whom that concerns once the lock is given back.
    fn at_table<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut table);
        let rings = table.rings();
        drop(table);
        rings.into_iter().for_each(std::task::Waker::wake);
        changed
    }
}

impl<B: BatchHandler> Handler for Batches<B> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        self.seat(event, context).await
    }
}

impl<B> std::fmt::Debug for Batches<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("options", &self.options).finish_non_exhaustive()
    }
}

/// One event in its batch.
struct Seated<'b, B: BatchHandler> {
    batches: &'b Batches<B>,
    group: GroupId,
    place: Place,
    job: Arc<Job>,
    /// When it has waited for others long enough; counts while it leads.
    patience: Monotonic,
    timer: Timer,
    left: bool,
}

impl<B: BatchHandler> Future for Seated<'_, B> {
    type Output = Result<(), HandlerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let place = self.place;
            let done = match self.batches.at_table(|table| table.turn(place, cx.waker())) {
                Turn::Answer(answer) => {
                    self.left = true;
                    return Poll::Ready(answer.give());
                }
                Turn::Wait => return Poll::Pending,
                Turn::Gather => self.gather(cx),
                Turn::Start => self.start(cx),
                Turn::Run => self.run(cx),
            };
            std::task::ready!(done);
        }
    }
}

impl<B: BatchHandler> Seated<'_, B> {
    fn gather(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        std::task::ready!(self.timer.poll(cx, patience));
        self.batches.at_table(|table| table.time_is_up(self.place));
        Poll::Ready(())
    }

    fn start(&self, cx: &Context<'_>) -> Poll<()> {
        let Some(HandOver { members, hops }) =
            self.batches.at_table(|table| table.start(self.place, cx.waker()))
        else {
            return Poll::Pending;
        };
        let batch = EventBatch::new(self.group.clone(), members);
        let handler = self.batches.handler.clone();
        let work = async move {
            match handler.handle(&batch).await {
                Ok(outcome) => outcome.settle(batch.len()),
                Err(error) => BatchFailed::for_each(error, batch.len()),
            }
        };
        *self.job() = Some(Box::pin(counting(hops, work)));
        Poll::Ready(())
    }

    /// Polls the user's code, and answers for everybody when it ends.
    fn run(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut job = self.job();
        let Some(future) = job.as_mut() else { return Poll::Pending };
        let ended = match guarded(|| future.as_mut().poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => Ok(result),
            Err(panic) => Err(panic),
        };
        let future = job.take();
        drop(job);
        discard(future);
        self.batches.at_table(|table| table.settle(self.place, ended));
        Poll::Ready(())
    }

    fn job(&self) -> MutexGuard<'_, Option<Work>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: BatchHandler> Drop for Seated<'_, B> {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        if let Some(abandoned) = self.batches.at_table(|table| table.leave(self.place)) {
            // Before the door opens: nothing of this batch runs beside the next.
            let work = self.job().take();
            discard(work);
            self.batches.at_table(|table| table.stray_ended(abandoned));
        }
    }
}

/// Drops the user's future, which may panic.
fn discard(work: Option<Work>) {
    if let Err(panic) = guarded(|| drop(work)) {
        tracing::error!(panic, "a batch handler's future panicked when it was dropped");
    }
}

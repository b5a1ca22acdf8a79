//! What handlers did.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_domain::{Cancellation, Event, GroupId, Handler, HandlerContext, HandlerError};

/// One run of a handler.
#[derive(Debug, Clone)]
pub struct Handling {
    /// The group.
    pub group: GroupId,
    /// The event.
    pub event: Event,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How it ended; none while it runs.
    pub ended: Option<Ended>,
}

/// How a run of a handler ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With `Ok`.
    Handled,
    /// With an error: its messages and those of its sources, outermost first.
    Failed(Vec<String>),
    /// With a panic.
    Panicked,
    /// Its future was dropped: its time was up, or its partition was taken away.
    Dropped,
}

/// All runs, in the order of their starts. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Diary(Arc<Mutex<Vec<Handling>>>);

impl Diary {
    fn lock(&self) -> MutexGuard<'_, Vec<Handling>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Handling> {
        self.lock().clone()
    }

    /// How many runs have begun, and how many of them have ended.
    pub(super) fn pulse(&self) -> (usize, usize) {
        let runs = self.lock();
        (runs.len(), runs.iter().filter(|run| run.ended.is_some()).count())
    }

    fn begin(&self, group: &GroupId, event: &Event, attempt: u32) -> Running {
        let mut runs = self.lock();
        runs.push(Handling { group: group.clone(), event: event.clone(), attempt, ended: None });
        Running { diary: self.clone(), at: runs.len() - 1, ended: None }
    }
}

/// A handler that is looked at.
#[derive(Debug)]
pub(super) struct Witnessed<H> {
    pub(super) handler: H,
    pub(super) diary: Diary,
}

impl<H: Handler> Handler for Witnessed<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let mut running = self.diary.begin(context.group, event, context.attempt);
        let result = self.handler.handle(event, context).await;
        running.ended = Some(match &result {
            Ok(()) => Ended::Handled,
            Err(error) => Ended::Failed(laneway_domain::chain(error.cause())),
        });
        result
    }

    fn cancellation(&self) -> Cancellation {
        self.handler.cancellation()
    }
}

/// A run that has not ended; dropped before its end, it was dropped or it panicked.
struct Running {
    diary: Diary,
    at: usize,
    ended: Option<Ended>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let broken = if std::thread::panicking() { Ended::Panicked } else { Ended::Dropped };
        let ended = self.ended.take().unwrap_or(broken);
        if let Some(run) = self.diary.lock().get_mut(self.at) {
            run.ended = Some(ended);
        }
    }
}

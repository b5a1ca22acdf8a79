//! Keeps events from running in circles.

use laneway_domain::{Admission, Cancellation, Event, EventId, Handler, HandlerContext, HandlerError};
use thiserror::Error;

use super::tally::Tally;
use super::under_way::UnderWay;
use crate::publish::hops::{counting, hops_of};

/// A handler that stops loops of events.
///
/// An event that arrives while the same event, by its id, is being handled already is acknowledged without handling. An
/// event that a handler publishes is one hop further than the one it handles, which the publish path writes into the
/// header [`HOPS_HEADER`](crate::publish::HOPS_HEADER); beyond the limit an event is refused for good.
///
/// Each handler of a ring counts only if it has a guard: one without hands the event on with no hops. What a handler
/// leaves to a task or a thread of its own, and what the reader of a stream publishes, starts at 0 again.
///
/// ```
/// use laneway_application::layers::LoopGuard;
/// use laneway_domain::{Event, handler_fn};
/// let handler = LoopGuard::new(handler_fn(|_: Event| async { Ok(()) })).with_limit(8);
/// # let _ = handler;
/// ```
pub struct LoopGuard<H> {
    inner: H,
    limit: u32,
    under_way: UnderWay<EventId>,
    tally: Tally,
}

/// An event came through more handlers than a chain of them should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the event has made {hops} hops from handler to handler, and {limit} are allowed: handlers publish in a circle"
)]
pub struct TooManyHops {
    /// The hops it has made.
    pub hops: u32,
    /// The hops that are allowed.
    pub limit: u32,
}

impl<H: Handler> LoopGuard<H> {
    /// The hops that are allowed unless said otherwise: longer than any chain that somebody designed, and a loop that
    /// runs so far has cost little.
    pub const LIMIT: u32 = 32;

    /// A guard around `inner`.
    #[must_use]
    pub fn new(inner: H) -> Self {
        Self { inner, limit: Self::LIMIT, under_way: UnderWay::new(), tally: Tally::default() }
    }

    /// Sets the hops that are allowed; 0 handles only what no handler published.
    #[must_use]
    pub fn with_limit(mut self, hops: u32) -> Self {
        self.limit = hops;
        self
    }

    /// How many events were acknowledged because they were being handled already.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }
}

impl<H: Handler> Handler for LoopGuard<H> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let (hops, limit) = (hops_of(event.headers()), self.limit);
        if hops > limit {
            return Err(HandlerError::fatal(TooManyHops { hops, limit }));
        }
        let pass = event.id().map(|id| self.under_way.enter(&id));
        if matches!(pass, Some(None)) {
            self.tally.count(Admission::Duplicate);
            return Ok(());
        }
        counting(Some(hops), self.inner.handle(event, context)).await
    }

    fn cancellation(&self) -> Cancellation {
        self.inner.cancellation()
    }
}

impl<H> std::fmt::Debug for LoopGuard<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoopGuard").field("limit", &self.limit).finish_non_exhaustive()
    }
}

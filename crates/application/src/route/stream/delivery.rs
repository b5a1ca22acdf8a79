//! An event in the hands of whoever reads the stream.

use laneway_domain::{Event, GroupId, HandlerError};
use thiserror::Error;
use tokio::sync::oneshot;

/// An event that waits for its answer. Its lane stays closed until then; dropped without one, it was a failed attempt.
///
/// Code that works on a delivery runs outside of the handler: a panic there drops the delivery, which is an answer, and
/// what it publishes counts neither as a handler's nor as a hop of a [`LoopGuard`](crate::layers::LoopGuard).
#[derive(Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// The group.
    pub group: GroupId,
    /// Which try of it this is, from 1.
    pub attempt: u32,
    pub(super) answer: oneshot::Sender<Result<(), HandlerError>>,
}

/// The answer came too late: the event ran out of time or lost its partition, and is or will be handled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answer came too late: the event ran out of time or its partition was taken away")]
pub struct Stale;

/// A delivery was dropped without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the delivery was dropped without an answer")]
pub struct Unanswered;

impl Delivery {
    /// The event is done.
    ///
    /// # Errors
    /// [`Stale`] where nobody waits for the answer any more; undo what must not happen twice.
    pub fn ack(self) -> Result<(), Stale> {
        self.answer.send(Ok(())).map_err(|_| Stale)
    }

    /// The attempt failed: retried or dead-lettered, as the error's class and the retry policy say.
    ///
    /// # Errors
    /// [`Stale`] where nobody waits for the answer any more; the attempt has failed already.
    pub fn nack(self, error: impl Into<HandlerError>) -> Result<(), Stale> {
        self.answer.send(Err(error.into())).map_err(|_| Stale)
    }

    /// Whether an answer would come too late.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.answer.is_closed()
    }

    /// Waits until an answer would come too late: what still works on the event can stop then.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn stale(&mut self) {
        self.answer.closed().await;
    }
}

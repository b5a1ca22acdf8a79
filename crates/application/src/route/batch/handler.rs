//! The user's side of a batch.

use std::ops::Deref;
use std::sync::Arc;

use laneway_domain::{Event, GroupId, HandlerError};

use super::outcome::BatchOutcome;

/// Handles several events at once.
///
/// # Contract
///
/// *Who calls*: [`Batches`](super::Batches). A batch is never empty and holds at most one event of each aggregate; any
/// number of batches run at once, never two with events of one aggregate.
///
/// *`Ok`*: each event gets the answer that the [`BatchOutcome`] has for it. *`Err`* and a panic fail every event of the
/// batch.
///
/// *Cancel safety*: the future is dropped at an await once every event of the batch ran out of time or lost its
/// partition. While some are left it goes on, and the answers for those that are gone are nobody's: they are handled
/// again.
pub trait BatchHandler: Send + Sync + 'static {
    /// Handles one batch.
    fn handle<'a>(
        &'a self,
        batch: &'a EventBatch,
    ) -> impl Future<Output = Result<BatchOutcome, HandlerError>> + Send + 'a;
}

/// Events that are handled together, in the order in which they joined. Clones share them.
#[derive(Debug, Clone)]
pub struct EventBatch {
    group: GroupId,
    members: Arc<[Member]>,
}

/// One event of a batch.
#[derive(Debug, Clone)]
pub struct Member {
    /// The event.
    pub event: Event,
    /// Which try of it this is, from 1.
    pub attempt: u32,
}

impl EventBatch {
    pub(super) fn new(group: GroupId, members: Vec<Member>) -> Self {
        Self { group, members: members.into() }
    }

    /// The group that handles.
    #[must_use]
    pub fn group(&self) -> &GroupId {
        &self.group
    }

    /// The events.
    pub fn events(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.members.iter().map(|member| &member.event)
    }
}

impl Deref for EventBatch {
    type Target = [Member];

    fn deref(&self) -> &[Member] {
        &self.members
    }
}

/// A batch handler made of a closure; see [`batch_fn`].
#[derive(Debug, Clone, Copy)]
pub struct BatchFn<F>(F);

/// Makes a batch handler of an async closure. The batch is a cheap handle. Every name of the example is in
/// `laneway::prelude`.
///
/// ```
/// # use laneway_application::route::{BatchOutcome, EventBatch, batch_fn};
/// # use laneway_domain::HandlerError;
/// let handler = batch_fn(|batch: EventBatch| async move {
///     let mut outcome = BatchOutcome::all_done();
///     for (index, event) in batch.events().enumerate() {
///         if event.payload().is_empty() {
///             outcome.fail(index, HandlerError::fatal("an empty payload"));
///         }
///     }
///     Ok(outcome)
/// });
/// # let _ = handler;
/// ```
pub const fn batch_fn<F, Fut>(handle: F) -> BatchFn<F>
where
    F: Fn(EventBatch) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<BatchOutcome, HandlerError>> + Send + 'static,
{
    BatchFn(handle)
}

impl<F, Fut> BatchHandler for BatchFn<F>
where
    F: Fn(EventBatch) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<BatchOutcome, HandlerError>> + Send + 'static,
{
    fn handle<'a>(
        &'a self,
        batch: &'a EventBatch,
    ) -> impl Future<Output = Result<BatchOutcome, HandlerError>> + Send + 'a {
        (self.0)(batch.clone())
    }
}

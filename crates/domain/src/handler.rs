//! The port to the user's code.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use crate::envelope::Envelope;
use crate::error::Cause;
use crate::handler_mask::HandlerMask;
use crate::identity::GroupId;
use crate::position::{PartitionNumber, Position};
use crate::record::{Body, Rows};
use crate::time::Timestamp;

/// Handles events.
///
/// # Contract
///
/// *Who calls*: workers; at most one call at a time for an aggregate, any number at a time in all. An event is handled
/// at least once, and again after a crash or a rebalance: make effects idempotent.
///
/// *`Ok`*: the event is done, and will be committed. *`Err`*: retried or dead-lettered, as the error's class and the
/// retry policy say.
///
/// *Panics*: a panic is a failed attempt.
///
/// *Cancel safety*: the future is dropped at an await when its time is up or its partition goes away, unless
/// [`cancellation`](Handler::cancellation) says that dropping does not stop it.
pub trait Handler: Send + Sync + 'static {
    /// Handles one event.
    fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send + 'a;

    /// Whether dropping the future ends the work.
    fn cancellation(&self) -> Cancellation {
        Cancellation::Drop
    }
}

/// What dropping a handler's future does to its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cancellation {
    /// The work ends with the future.
    #[default]
    Drop,
    /// The work goes on (a thread, a remote call): its lane stays closed until the future says that it ended.
    Finish,
}

/// What a handler may know beside the event.
#[derive(Debug, Clone, Copy)]
pub struct HandlerContext<'a> {
    /// The group that handles.
    pub group: &'a GroupId,
    /// Which try this is, from 1; tries before a crash count where the broker's checkpoint carries them.
    pub attempt: u32,
    /// Which handlers have not handled the event yet, where the subscription has several.
    pub due: HandlerMask,
}

/// An event in the hands of a worker: its envelope, and where it stands. Clones share it.
#[derive(Debug, Clone)]
pub struct Event {
    run: Arc<Run>,
    row: u32,
}

/// Rows that one worker owns, with the partition they came from.
#[derive(Debug)]
pub struct Run {
    /// The events, all of them decoded.
    pub rows: Rows,
    /// The partition they came from.
    pub partition: PartitionNumber,
    /// Whether they come from the dead-letter store and not from the partition.
    pub redriven: bool,
}

impl Event {
    /// The event at `row` of `run`.
    ///
    /// # Panics
    /// On first use, where that row is a record that nobody decoded.
    #[inline]
    #[must_use]
    pub fn new(run: Arc<Run>, row: u32) -> Self {
        Self { run, row }
    }

    /// The partition's number within the topic.
    #[must_use]
    pub fn partition(&self) -> PartitionNumber {
        self.run.partition
    }

    /// Where the event stands in its partition.
    #[must_use]
    pub fn position(&self) -> Position {
        self.run.rows.row(self.row).position
    }

    /// Whether the event comes from the dead-letter store: then its position says nothing of what was handled before.
    #[must_use]
    pub fn is_redriven(&self) -> bool {
        self.run.redriven
    }

    /// When the broker took the event.
    #[must_use]
    pub fn appended(&self) -> Timestamp {
        self.run.rows.row(self.row).appended
    }
}

impl Deref for Event {
    type Target = Envelope;

    #[inline]
    fn deref(&self) -> &Envelope {
        match &self.run.rows.row(self.row).body {
            Body::Event(envelope) => envelope,
            Body::Record(_) => unreachable!("workers decode records before they make events of them"),
        }
    }
}

/// How a failure is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Trying again can help.
    Retryable,
    /// Trying again changes nothing: a dead letter at once.
    Fatal,
}

/// A handler's failure: an error, and its class where the handler knows it.
///
/// Any error converts into one without a class; the subscription's classifier decides then. A text does not: the
/// classifier goes by types, so whoever fails with words says the class, `HandlerError::retryable("the row is locked")`.
#[derive(Debug)]
pub struct HandlerError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    class: Option<ErrorClass>,
    due: HandlerMask,
    cause: Cause,
}

impl HandlerError {
    /// A failure that may pass.
    pub fn retryable(cause: impl Into<Cause>) -> Self {
        Self::new(Some(ErrorClass::Retryable), cause)
    }

    /// A failure that will not pass.
    pub fn fatal(cause: impl Into<Cause>) -> Self {
        Self::new(Some(ErrorClass::Fatal), cause)
    }

    /// A failure whose class is known or not.
    pub fn new(class: Option<ErrorClass>, cause: impl Into<Cause>) -> Self {
        Self(Box::new(Failure { class, due: HandlerMask::ALL, cause: cause.into() }))
    }

    /// Says which handlers the next attempt is for: the others have succeeded.
    #[must_use]
    pub fn with_due(mut self, due: HandlerMask) -> Self {
        self.0.due = due;
        self
    }

    /// Which handlers the next attempt is for; all, unless somebody said otherwise.
    #[must_use]
    pub fn due(&self) -> HandlerMask {
        self.0.due
    }

    /// The class that the handler gave.
    #[must_use]
    pub fn class(&self) -> Option<ErrorClass> {
        self.0.class
    }

    /// The error below.
    #[must_use]
    pub fn cause(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0.cause
    }

    /// Takes the error below out.
    #[must_use]
    pub fn into_cause(self) -> Cause {
        self.0.cause
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::new(None, error)
    }
}

/// A handler made of a closure that takes the event by value; see [`handler_fn`].
#[derive(Debug, Clone, Copy)]
pub struct HandlerFn<F>(F);

/// Makes a handler of an async closure. The event is a cheap handle.
///
/// ```
/// use laneway_domain::{handler_fn, Event, HandlerError};
/// let handler = handler_fn(|event: Event| async move {
///     println!("{:?} {} bytes", event.aggregate(), event.payload().len());
///     Ok::<(), HandlerError>(())
/// });
/// # let _ = handler;
/// ```
pub const fn handler_fn<F, Fut>(handle: F) -> HandlerFn<F>
where
    F: Fn(Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    HandlerFn(handle)
}

impl<F, Fut> Handler for HandlerFn<F>
where
    F: Fn(Event) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    fn handle<'a>(
        &'a self,
        event: &'a Event,
        _context: &'a HandlerContext<'a>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send + 'a {
        (self.0)(event.clone())
    }
}

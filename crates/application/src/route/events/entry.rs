//! A handler of a router.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use laneway_domain::{BoxFuture, EventKind, EventType, HandlerError};

use crate::guard::{guarded, message};
use crate::route::arguments::{ArgumentError, EventHandler, Given};

type Attempt = BoxFuture<Result<(), HandlerError>>;
type Start<S> = Box<dyn Fn(&Given<'_>, &S) -> Result<Attempt, ArgumentError> + Send + Sync>;

/// A handler of a router.
pub(super) struct Entry<S> {
    pub(super) name: String,
    pub(super) takes: Takes,
    start: Start<S>,
}

/// Which events a handler takes.
#[derive(Debug, Clone)]
pub(super) enum Takes {
    /// These, and older ones that upcasters bring up to them.
    Kinds(Vec<EventKind>),
    /// Exactly this version, as it came.
    Version(EventKind),
    /// Every version, as it came.
    Type(EventType),
}

impl<S> Entry<S> {
    pub(super) fn new<A, H: EventHandler<A, S>>(name: String, takes: Takes, handler: H) -> Self {
        let start = move |given: &Given<'_>, state: &S| -> Result<Attempt, ArgumentError> {
            Ok(Box::pin(handler.start(given, state)?))
        };
        Self { name, takes, start: Box::new(start) }
    }

    /// Begins an attempt. It does not panic: what the handlers before have done must not be forgotten.
    pub(super) fn attempt(&self, given: &Given<'_>, state: &S) -> Result<Attempt, HandlerError> {
        match guarded(|| (self.start)(given, state)) {
            // An argument that is not there now is not there next time.
            Ok(started) => started.map_err(HandlerError::fatal),
            Err(panic) => Err(panicked(&panic)),
        }
    }
}

/// Goes on with an attempt to its end; a panic is an error.
pub(super) async fn finish(attempt: Attempt) -> Result<(), HandlerError> {
    match AssertUnwindSafe(attempt).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(panicked(&message(&*panic))),
    }
}

fn panicked(panic: &str) -> HandlerError {
    HandlerError::retryable(format!("panic: {panic}"))
}

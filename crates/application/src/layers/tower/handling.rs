//! A handler as a service: the inside of a stack of layers.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use laneway_domain::{BoxFuture, Cause, Event, GroupId, Handler, HandlerContext, HandlerError, HandlerMask};
use tower_service::Service;

/// One attempt at an event: the request of a handler that is a service. Clones are cheap.
#[derive(Debug, Clone)]
pub struct Handling {
    /// The event.
    pub event: Event,
    /// The group.
    pub group: GroupId,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Which handlers have not handled the event yet, where the subscription has several.
    pub due: HandlerMask,
}

/// A handler's failure as an error that layers can pass on and box.
pub struct HandlingError(HandlerError);

impl HandlingError {
    /// The handler's own words.
    #[must_use]
    pub fn into_inner(self) -> HandlerError {
        self.0
    }

    /// The same, borrowed.
    #[must_use]
    pub fn inner(&self) -> &HandlerError {
        &self.0
    }

    /// What a stack of layers says: the handler's failure as it was where layers passed it on; an error of a layer keeps
    /// the class of a handler's failure below it.
    pub(super) fn unpack(cause: Cause) -> HandlerError {
        match cause.downcast::<Self>() {
            Ok(failure) => failure.0,
            Err(cause) => {
                let first: &(dyn std::error::Error + 'static) = &*cause;
                let below = std::iter::successors(Some(first), |error| error.source());
                let class = below.filter_map(|error| error.downcast_ref::<Self>()).find_map(|e| e.0.class());
                HandlerError::new(class, cause)
            }
        }
    }
}

impl From<HandlerError> for HandlingError {
    fn from(error: HandlerError) -> Self {
        Self(error)
    }
}

impl fmt::Debug for HandlingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HandlingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.cause(), f)
    }
}

impl std::error::Error for HandlingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause().source()
    }
}

/// A [`Handler`] as a `tower` service: always ready, since the engine decides what may start.
pub struct HandlerService<H>(Arc<H>);

impl<H: Handler> HandlerService<H> {
    /// The service of `handler`.
    #[must_use]
    pub fn new(handler: H) -> Self {
        Self(Arc::new(handler))
    }
}

impl<H> Clone for HandlerService<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> fmt::Debug for HandlerService<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerService").finish_non_exhaustive()
    }
}

impl<H: Handler> Service<Handling> for HandlerService<H> {
    type Response = ();
    type Error = HandlingError;
    type Future = BoxFuture<Result<(), HandlingError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HandlingError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Handling { event, group, attempt, due }: Handling) -> Self::Future {
        let handler = self.0.clone();
        Box::pin(async move {
            let context = HandlerContext { group: &group, attempt, due };
            handler.handle(&event, &context).await.map_err(HandlingError)
        })
    }
}

//! A subscription's only handler, with arguments.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use futures_util::future::Either;
use laneway_domain::{Event, EventKind, Handler, HandlerContext, HandlerError, Payload};

use crate::route::RouteError;
use crate::route::arguments::{EventHandler, Given, at_most_one_payload};
use crate::route::upcast::Upcasters;

/// A handler made of an async function with arguments; see [`typed`].
pub struct TypedHandler<H, A, S> {
    handle: H,
    state: S,
    kinds: Vec<EventKind>,
    upcasters: Upcasters,
    arguments: PhantomData<fn(A)>,
}

/// Makes a handler of an async function whose arguments are taken from the event.
///
/// An event of a type that the function does not take, or of a version that it does not know, is a dead letter: a
/// subscription of several types takes an [`EventRouter`](crate::route::EventRouter).
///
/// ```
/// use laneway_application::route::{Attempt, Typed, typed};
/// use laneway_derive::DomainEvent;
/// use laneway_domain::{HandlerError, TenantId};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// #[event(type = "order.placed", aggregate = "order", crate = laneway_domain)]
/// struct OrderPlaced { order: u64, total: u64 }
///
/// async fn bill(
///     Typed(placed): Typed<OrderPlaced>,
///     Attempt(attempt): Attempt,
///     tenant: Option<TenantId>,
/// ) -> Result<(), HandlerError> {
///     println!("order {} of {tenant:?}, attempt {attempt}: {}", placed.order, placed.total);
///     Ok(())
/// }
/// let handler = typed(bill);
/// # fn is_a_handler(_: impl laneway_domain::Handler) {}
/// # is_a_handler(handler);
/// ```
///
/// Two payloads in one function do not compile:
///
/// ```compile_fail
/// # use laneway_application::route::{Typed, typed};
/// # use laneway_derive::DomainEvent;
/// # use laneway_domain::HandlerError;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(type = "order.placed", aggregate = "order", crate = laneway_domain)]
/// # struct OrderPlaced { order: u64 }
/// async fn bill(one: Typed<OrderPlaced>, two: Typed<OrderPlaced>) -> Result<(), HandlerError> {
///     Ok(())
/// }
/// let handler = typed(bill);
/// ```
pub fn typed<A, H: EventHandler<A, ()>>(handle: H) -> TypedHandler<H, A, ()> {
    typed_with((), handle)
}

/// As [`typed`], with a state for the argument [`State`](crate::route::State).
pub fn typed_with<S, A, H: EventHandler<A, S>>(state: S, handle: H) -> TypedHandler<H, A, S> {
    const { assert!(at_most_one_payload(H::KINDS), "a handler takes one `Typed<E>`: an event has one payload") };
    let kinds = H::KINDS.concat();
    TypedHandler { handle, state, kinds, upcasters: Upcasters::default(), arguments: PhantomData }
}

impl<H, A, S> TypedHandler<H, A, S>
where
    H: EventHandler<A, S>,
{
    /// Brings older versions up before the arguments are taken.
    #[must_use]
    pub fn upcasters(mut self, upcasters: Upcasters) -> Self {
        self.upcasters = upcasters;
        self
    }

    fn start(&self, given: Given<'_>) -> Result<H::Future, HandlerError> {
        if self.kinds.is_empty() || self.takes(&given) {
            return self.begin(&given);
        }
        let found = EventKind::named_by(given.event);
        let Some(found) = found else {
            return Err(HandlerError::fatal(RouteError::UnknownType { found: None }));
        };
        match self.upcasters.lift_to(&found, given.event.payload(), &self.kinds) {
            None => Err(HandlerError::fatal(RouteError::unknown(found, &self.kinds))),
            Some(Err(error)) => Err(HandlerError::fatal(error)),
            Some(Ok((kind, value))) => {
                let (event_type, payload) = (Some(&kind.event_type), Payload::Json(&value));
                let given = Given { event_type, version: kind.version, payload, ..given };
                self.begin(&given)
            }
        }
    }

    /// An argument that is not there now is not there next time.
    #[inline]
    fn begin(&self, given: &Given<'_>) -> Result<H::Future, HandlerError> {
        self.handle.start(given, &self.state).map_err(HandlerError::fatal)
    }

    #[inline]
    fn takes(&self, given: &Given<'_>) -> bool {
        let same =
            |kind: &EventKind| kind.version == given.version && Some(&kind.event_type) == given.event_type;
        self.kinds.iter().any(same)
    }
}

impl<H, A, S> Handler for TypedHandler<H, A, S>
where
    H: EventHandler<A, S>,
    A: 'static,
    S: Send + Sync + 'static,
{
    fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send + 'a {
        match self.start(Given::new(event, context)) {
            Ok(attempt) => Either::Left(attempt),
            Err(error) => Either::<_, Ready<_>>::Right(ready(Err(error))),
        }
    }
}

impl<H, A, S> std::fmt::Debug for TypedHandler<H, A, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypedHandler").field("kinds", &self.kinds).finish_non_exhaustive()
    }
}

//! A service as a handler: the outside of a stack of layers.

use std::future::poll_fn;

use laneway_domain::{Cancellation, Cause, Event, Handler, HandlerContext, HandlerError};
use tower_layer::Layer;
use tower_service::Service;

use super::handling::{HandlerService, Handling, HandlingError};

/// A `tower` service as a [`Handler`]. Each attempt clones the service and waits until the clone is ready.
#[derive(Debug, Clone)]
pub struct ServiceHandler<S> {
    service: S,
    cancellation: Cancellation,
}

impl<S> ServiceHandler<S> {
    /// The handler of `service`, whose work ends when its future is dropped.
    #[must_use]
    pub const fn new(service: S) -> Self {
        Self { service, cancellation: Cancellation::Drop }
    }
}

/// Puts `tower` layers around a handler: one layer, or a `ServiceBuilder` with many.
///
/// A layer may fail, delay or repeat an attempt, and fail it with its own errors: those have no class, so the
/// subscription's classifier decides. It must not answer before the service below it has, or the next event of the
/// aggregate starts beside what still runs. Layers cost a boxed future an event.
///
/// ```
/// use laneway_application::layers::layered;
/// use laneway_domain::{Event, handler_fn};
/// use tower::limit::ConcurrencyLimitLayer;
/// let handler = handler_fn(|_: Event| async { Ok(()) });
/// let limited = layered(handler, &ConcurrencyLimitLayer::new(8));
/// # let _ = limited;
/// ```
pub fn layered<H, L>(handler: H, layers: &L) -> ServiceHandler<L::Service>
where
    H: Handler,
    L: Layer<HandlerService<H>>,
{
    let cancellation = handler.cancellation();
    ServiceHandler { service: layers.layer(HandlerService::new(handler)), cancellation }
}

impl<S> Handler for ServiceHandler<S>
where
    S: Service<Handling, Response = ()> + Clone + Send + Sync + 'static,
    S::Error: Into<Cause>,
    S::Future: Send,
{
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let mut service = self.service.clone();
        let unpack = |error: S::Error| HandlingError::unpack(error.into());
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(unpack)?;
        let HandlerContext { group, attempt, due } = *context;
        let handling = Handling { event: event.clone(), group: group.clone(), attempt, due };
        service.call(handling).await.map_err(unpack)
    }

    fn cancellation(&self) -> Cancellation {
        self.cancellation
    }
}

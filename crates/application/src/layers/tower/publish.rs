//! Publishing as a service.

use std::task::{Context, Poll};

use laneway_domain::{BoxFuture, Envelope, PublishError};
use tower_service::Service;

use crate::Bus;
use crate::publish::Receipt;

/// Publishing as a `tower` service: put layers around it, and publish through those. Clones publish on the same bus.
///
/// It is always ready: a full broker makes the call wait, as [`Bus::publish`] does. Two calls are ordered only if the
/// first was awaited, under any layer.
///
/// ```
/// # use laneway_application::Bus;
/// # use laneway_domain::{Envelope, TopicName};
/// # async fn example(bus: Bus) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// use tower::{Service, ServiceExt, limit::ConcurrencyLimit};
/// let mut publisher = ConcurrencyLimit::new(bus.publish_service(), 16);
/// let placed = Envelope::new(TopicName::new("orders")?, "{}");
/// let receipt = publisher.ready().await?.call(placed).await?;
/// # let _ = receipt;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PublishService(Bus);

impl Bus {
    /// Publishing as a `tower` service.
    #[must_use]
    pub fn publish_service(&self) -> PublishService {
        PublishService(self.clone())
    }
}

impl Service<Envelope> for PublishService {
    type Response = Receipt;
    type Error = PublishError;
    type Future = BoxFuture<Result<Receipt, PublishError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PublishError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: Envelope) -> Self::Future {
        let bus = self.0.clone();
        Box::pin(async move { bus.publish(event).await })
    }
}

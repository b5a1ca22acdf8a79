//! Subscribing as a stream.

use super::events::EventStream;
use super::handler::stream;
use crate::Bus;
use crate::consume::{Subscription, SubscriptionError, SubscriptionOptions};

impl Bus {
    /// Subscribes, and gives the events out as a stream with an answer for each; at most `capacity` of them wait in it.
    /// Dropping the stream ends the subscription without a failed attempt for what it held.
    ///
    /// ```
    /// # use laneway_application::{Bus, consume::SubscriptionOptions};
    /// # async fn example(bus: Bus, options: SubscriptionOptions) -> Result<(), Box<dyn std::error::Error>> {
    /// let (_subscription, mut events) = bus.subscribe_stream(options, 64).await?;
    /// while let Some(delivery) = events.next().await {
    ///     println!("{:?}", delivery.event.payload());
    ///     delivery.ack()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Bus::subscribe`], and a capacity that is refused.
    ///
    /// # Cancel safety
    /// Dropping the future before it is ready leaves no subscription behind.
    pub async fn subscribe_stream(
        &self,
        options: SubscriptionOptions,
        capacity: usize,
    ) -> Result<(Subscription, EventStream), SubscriptionError> {
        let (handler, events) = stream(capacity)?;
        let subscription = self.subscribe(options, handler).await?;
        Ok((subscription.clone(), events.owning(subscription)))
    }
}

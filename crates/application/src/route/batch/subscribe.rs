//! Subscribing a batch handler.

use super::gather::Batches;
use super::handler::BatchHandler;
use super::options::BatchOptions;
use crate::Bus;
use crate::consume::{ConfigError, Subscription, SubscriptionError, SubscriptionOptions};

impl Bus {
    /// Subscribes a handler that gets its events in batches. Every name of the example is in `laneway::prelude`.
    ///
    /// ```
    /// # use laneway_application::{Bus, consume::{SubscriptionError, SubscriptionOptions}};
    /// # use laneway_application::route::{BatchOptions, BatchOutcome, EventBatch, batch_fn};
    /// # async fn example(bus: Bus, options: SubscriptionOptions) -> Result<(), SubscriptionError> {
    /// let insert = batch_fn(|batch: EventBatch| async move {
    ///     println!("one statement for {} rows", batch.len());
    ///     Ok(BatchOutcome::all_done())
    /// });
    /// let batches = BatchOptions { size: 500, ..BatchOptions::default() };
    /// let subscription = bus.subscribe_batches(options, batches, insert).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Bus::subscribe`], and every rule that the batch's options break.
    ///
    /// # Cancel safety
    /// Dropping the future before it is ready leaves no subscription behind.
    pub async fn subscribe_batches<B: BatchHandler>(
        &self,
        options: SubscriptionOptions,
        batches: BatchOptions,
        handler: B,
    ) -> Result<Subscription, SubscriptionError> {
        let faults = options.faults().into_iter().chain(batches.faults_in(&options));
        ConfigError::check(faults.collect())?;
        let gather = Batches::new(batches, self.clock().clone(), handler)?;
        self.subscribe(options, gather).await
    }
}

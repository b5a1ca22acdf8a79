//! The user's side of a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::Stream;
use tokio::sync::mpsc;

use super::delivery::Delivery;
use crate::consume::Subscription;

/// The events of a subscription, in the order in which their lanes start them; ends with the subscription.
///
/// A delivery that went stale while it waited here is left out: its event comes again, or belongs to somebody else.
#[derive(Debug)]
pub struct EventStream {
    deliveries: mpsc::Receiver<Delivery>,
    /// Ends with the stream.
    subscription: Option<Subscription>,
    ending: Arc<AtomicBool>,
}

impl EventStream {
    pub(super) fn new(deliveries: mpsc::Receiver<Delivery>, ending: Arc<AtomicBool>) -> Self {
        Self { deliveries, subscription: None, ending }
    }

    pub(super) fn owning(mut self, subscription: Subscription) -> Self {
        self.subscription = Some(subscription);
        self
    }

    /// The next event; none once the subscription has ended.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Delivery> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            match std::task::ready!(self.deliveries.poll_recv(cx)) {
                Some(delivery) if delivery.is_stale() => {}
                next => return Poll::Ready(next),
            }
        }
    }
}

impl Stream for EventStream {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.poll(cx)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        if let Some(subscription) = &self.subscription {
            self.ending.store(true, Ordering::Release);
            // The first poll gives the order to stop, and dropping the future leaves the stop under way.
            let _ = subscription.close(Duration::ZERO).now_or_never();
        }
    }
}

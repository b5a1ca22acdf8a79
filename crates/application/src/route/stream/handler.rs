//! The engine's side of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use laneway_domain::{Event, Handler, HandlerContext, HandlerError, Invalid};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::delivery::{Delivery, Unanswered};
use super::events::EventStream;
use crate::consume::ConfigError;

/// Hands its events over to an [`EventStream`]; see [`stream`].
#[derive(Debug)]
pub struct StreamHandler {
    deliveries: mpsc::Sender<Delivery>,
    /// Whether the stream that went takes its subscription along.
    ending: Arc<AtomicBool>,
}

/// The stream of a subscription is gone: nobody takes its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the stream of this subscription was dropped: nobody takes its events")]
pub struct StreamClosed;

/// Makes a handler and the stream that gives out its events; at most `capacity` of them wait in between.
///
/// Where the stream is dropped while the handler is subscribed, its events fail with [`StreamClosed`], retryably and at
/// once: waiting would end in a timeout that says nothing. Close the subscription before you drop the stream, or have
/// [`Bus::subscribe_stream`](crate::Bus::subscribe_stream) do that for you.
///
/// ```
/// use laneway_application::route::stream;
/// let (handler, events) = stream(64)?;
/// # let _ = (handler, events);
/// # Ok::<(), laneway_application::consume::ConfigError>(())
/// ```
///
/// # Errors
/// A capacity below 1 or above 1,048,576.
pub fn stream(capacity: usize) -> Result<(StreamHandler, EventStream), ConfigError> {
    if !(1..=1 << 20).contains(&capacity) {
        let rule = "lies between 1 and 1048576";
        return Err(ConfigError::new(vec![Invalid::new("stream.capacity", rule, capacity)]));
    }
    let (deliveries, taken) = mpsc::channel(capacity);
    let ending = Arc::new(AtomicBool::new(false));
    Ok((StreamHandler { deliveries, ending: ending.clone() }, EventStream::new(taken, ending)))
}

impl StreamHandler {
    /// The stream, or its hold on one delivery, is gone.
    async fn unanswered(&self) -> Result<(), HandlerError> {
        if self.ending.load(Ordering::Acquire) {
            // The subscription ends, and drops this: no attempt has failed.
            return std::future::pending().await;
        }
        Err(match self.deliveries.is_closed() {
            true => HandlerError::retryable(StreamClosed),
            false => HandlerError::retryable(Unanswered),
        })
    }
}

impl Handler for StreamHandler {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let Ok(room) = self.deliveries.reserve().await else { return self.unanswered().await };
        let (answer, answered) = oneshot::channel();
        let (event, group, attempt) = (event.clone(), context.group.clone(), context.attempt);
        room.send(Delivery { event, group, attempt, answer });
        match answered.await {
            Ok(answer) => answer,
            Err(_) => self.unanswered().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use laneway_domain::{
        Body, Envelope, GroupId, PartitionNumber, Position, Received, Run, Timestamp, TopicName,
    };

    #[test]
    fn an_event_without_a_reader_fails_but_waits_where_its_subscription_ends_with_the_stream() {
        let body = Body::Event(Envelope::new(TopicName::new("t").unwrap(), "x"));
        let received = Received { position: Position::new(1), appended: Timestamp::default(), body };
        let run = Run { rows: vec![received].into(), partition: PartitionNumber(0), redriven: false };
        let (event, group) = (Event::new(Arc::new(run), 0), GroupId::new("g").unwrap());
        let context = HandlerContext { group: &group, attempt: 1, due: laneway_domain::HandlerMask::ALL };
        let (handler, events) = stream(1).unwrap();
        drop(events);
        let failed = handler.handle(&event, &context).now_or_never().unwrap().unwrap_err();
        assert!(failed.cause().is::<StreamClosed>());
        handler.ending.store(true, Ordering::Release);
        assert!(handler.handle(&event, &context).now_or_never().is_none());
    }

    #[test]
    fn a_stream_without_room_is_refused() {
        let error = stream(0).unwrap_err();
        assert_eq!(error.faults()[0].field(), "stream.capacity");
        assert!(stream(usize::MAX).is_err() && stream(1).is_ok());
    }
}

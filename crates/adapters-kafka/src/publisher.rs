//! The port down: events to Kafka.

use std::sync::Arc;

use async_trait::async_trait;
use laneway_domain::{
    AggregateId, Envelope, Flushed, Monotonic, Outgoing, PublishError, PublishFault, Published, Publisher,
    PublisherCapabilities, Record, Timer, TopicName,
};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use crate::broker::KafkaBroker;
use crate::flight::{Flight, Ticket};
use crate::producer::refusal;

/// Events of one aggregate go to one partition, by the Java client's murmur2 of the key. The client is idempotent and
/// never gives an event up, so that what is stored of a key is always a prefix of what was published; an answer that
/// does not come in time is `Unknown`, and the event may be published again under its id.
#[async_trait]
impl Publisher for KafkaBroker {
    fn capabilities(&self) -> &PublisherCapabilities {
        &self.inner.publisher
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let flight = Flight::new(batch.events.len());
        self.inner
            .topics
            .learn(&self.inner.scout, batch.events.iter().map(Envelope::topic), self.patience())
            .await;
        let mut timer = Timer::new(self.inner.clock.clone());
        self.send(&flight, &batch.events, &mut timer).await;
        let deadline = self.inner.clock.monotonic() + self.inner.config.producer.ack_timeout;
        let receipts = flight.land(&mut timer, deadline).await;
        receipts.into_iter().map(|receipt| receipt.unwrap_or_else(unanswered)).collect()
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        let mut timer = Timer::new(self.inner.clock.clone());
        let window = &self.inner.window;
        within(window.empty(), &mut timer, deadline).await;
        Flushed { unknown: window.out() }
    }
}

fn unanswered() -> Result<Published, PublishError> {
    Err(PublishError::new(PublishFault::Unknown, "the broker did not answer in time"))
}

/// Waits for something until a time; none where it did not come.
async fn within<T>(wait: impl Future<Output = T>, timer: &mut Timer, deadline: Monotonic) -> Option<T> {
    let mut wait = std::pin::pin!(wait);
    std::future::poll_fn(|cx| match wait.as_mut().poll(cx) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => timer.poll(cx, deadline).map(|()| None),
    })
    .await
}

impl KafkaBroker {
    /// Hands events over in order, as the window has room. Once one of a key fails, those behind it do not leave.
    async fn send(&self, flight: &Arc<Flight>, events: &[Envelope], timer: &mut Timer) {
        let deadline = self.inner.clock.monotonic() + self.inner.config.producer.publish_wait;
        let mut failed: Vec<(&TopicName, Option<&AggregateId>)> = Vec::new();
        let mut at = 0;
        while at < events.len() {
            let Some(room) = within(self.inner.window.enter(events.len() - at), timer, deadline).await else {
                for late in at..events.len() {
                    let reason = "the events on their way fill the window (kafka.producer.window)";
                    flight.answer(late, Err(PublishError::new(PublishFault::Busy, reason)));
                }
                return;
            };
            for (at, event) in events.iter().enumerate().skip(at).take(room) {
                let key = (event.topic(), event.aggregate());
                let sent = if key.1.is_some() && failed.contains(&key) {
                    let reason = "an earlier event of its aggregate was refused";
                    Err(PublishError::new(PublishFault::Behind, reason))
                } else {
                    self.send_one(event, flight.ticket(at))
                };
                if let Err(error) = sent {
                    self.inner.window.leave(1);
                    flight.answer(at, Err(error));
                    failed.push(key);
                }
            }
            at += room;
        }
    }

    fn check(&self, event: &Envelope) -> Result<(), PublishError> {
        if self.inner.is_closed() {
            return Err(PublishError::new(PublishFault::Closed, "the broker was closed by this program"));
        }
        match self.inner.topics.knows(event.topic()) {
            Some(false) => {
                let reason = format!("topic `{}` does not exist; create it first", event.topic());
                Err(PublishError::new(PublishFault::Rejected, reason))
            }
            _ => Ok(()),
        }
    }

    fn send_one(&self, event: &Envelope, ticket: Ticket) -> Result<(), PublishError> {
        self.check(event)?;
        let mut record = Record::default();
        self.inner
            .codec
            .encode(event, &mut record)
            .map_err(|error| PublishError::new(PublishFault::Rejected, error.to_string()).because(error))?;
        let mut message = BaseRecord::with_opaque_to(event.topic().as_str(), Box::new(ticket));
        if let Some(key) = &record.key {
            message = message.key(&key[..]);
        }
        if let Some(value) = &record.value {
            message = message.payload(&value[..]);
        }
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in record.headers.iter() {
                headers = headers.insert(Header { key, value });
            }
            message = message.headers(headers);
        }
        self.inner.producer.send(message).map_err(|(error, _)| refusal(&error))
    }
}

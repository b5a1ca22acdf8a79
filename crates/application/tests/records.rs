//! A broker that passes records instead of envelopes: decoded by workers, counted as they came, buried byte for byte.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_application::consume::{Ground, SubscriptionOptions};
use laneway_application::{Bus, SystemClock};
use laneway_domain::{
    AfterDeadLetter, AggregateId, Batch, Body, Checkpoint, Codec, CodecError, DeadLetterQueue, DeathCause,
    Envelope, Epoch, Event, Filter, Flow, GroupId, Headers, Monotonic, PartitionId, Received, Record, Resume,
    RevocationId, Route, Session, SessionEvent, SubscribeError, Subscriber, SubscriberCapabilities,
    Subscription, TopicName, Undecodable, handler_fn,
};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};

/// Passes the memory broker's events on as records, with a key and a header that no envelope has.
struct Records(MemoryBroker);

struct RecordSession(Box<dyn Session>);

#[async_trait]
impl Subscriber for Records {
    fn capabilities(&self) -> &SubscriberCapabilities {
        self.0.capabilities()
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        Ok(Box::new(RecordSession(self.0.open(subscription).await?)))
    }
}

fn record(event: &Received) -> Body {
    let Body::Event(envelope) = &event.body else { return event.body.clone() };
    let key = envelope.aggregate().map(|id| id.as_str().to_owned().into());
    let headers: Headers = [("origin", Some("somewhere".into()))].into_iter().collect();
    Body::Record(Record { key, value: Some(envelope.payload().clone()), headers })
}

impl Session for RecordSession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        self.0.poll_next(cx).map(|event| {
            let SessionEvent::Batch(batch) = event else { return event };
            let rows: Vec<Received> =
                batch.rows.as_slice().iter().map(|e| Received { body: record(e), ..e.clone() }).collect();
            let bytes = rows.iter().map(|row| row.body.size()).sum();
            SessionEvent::Batch(Batch { rows: rows.into(), bytes, ..batch })
        })
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        self.0.start(partition, epoch, from);
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        self.0.flow(partition, epoch, flow);
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.0.commit(checkpoints);
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        self.0.release(revocation, last);
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        self.0.close(last, deadline);
    }
}

/// The key is the aggregate, the value the payload; a value that starts with `!` is not one of ours.
#[derive(Debug)]
struct Keyed;

impl Codec for Keyed {
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError> {
        record.value = Some(envelope.payload().clone());
        Ok(())
    }

    fn route(&self, record: &Record) -> Route {
        let text = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        Route { aggregate: text.and_then(|id| AggregateId::new(id).ok()), ..Route::default() }
    }

    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>> {
        let value = record.value.clone().unwrap_or_default();
        match self.route(&record).aggregate.filter(|_| !value.starts_with(b"!")) {
            Some(id) => Ok(Envelope::new(topic.clone(), value).with_aggregate(id)),
            None => {
                let error = CodecError::Malformed { format: "keyed", reason: "starts with !".to_owned() };
                Err(Box::new(Undecodable { record, error }))
            }
        }
    }
}

#[tokio::test]
async fn records_are_decoded_in_order_counted_as_they_came_and_buried_byte_for_byte() {
    let clock = Arc::new(SystemClock::new());
    let broker = MemoryBroker::new(MemoryConfig::default(), clock.clone()).unwrap();
    let letters = MemoryDeadLetters::new();
    let ground = Ground {
        subscriber: Arc::new(Records(broker.clone())),
        dead_letters: Some(Arc::new(letters.clone())),
        clock,
    };
    let bus = Bus::new(Arc::new(broker), ground);
    let (topic, group) = (TopicName::new("records").unwrap(), GroupId::new("g").unwrap());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handler = handler_fn(move |event: Event| {
        let tell = tell.clone();
        async move {
            tell.send((event.aggregate().cloned(), event.payload().clone()))?;
            if event.payload() == "dies" { Err(laneway_domain::HandlerError::fatal("no")) } else { Ok(()) }
        }
    });
    let mut options = SubscriptionOptions::new(group.clone(), [topic.clone()]);
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    options.codec = Some(Arc::new(Keyed));
    let subscription = bus.subscribe(options, handler).await.unwrap();
    let payloads = ["one", "!two", "three", "dies", "five"];
    let id = AggregateId::new("a").unwrap();
    let event = |payload| Envelope::new(topic.clone(), payload).with_aggregate(id.clone());
    for answer in bus.publish_batch(payloads.map(event).into()).await {
        answer.unwrap();
    }
    for expected in ["one", "three", "dies", "five"] {
        assert_eq!(told.recv().await, Some((Some(id.clone()), expected.into())));
    }
    while subscription.stats().handled + subscription.stats().dead_letters < 5
        || subscription.stats().open > 0
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(subscription.stats().open_bytes, 0, "what was counted is given back");
    let listed = letters.desk().unwrap().list(&Filter::group(group), None, 10).await.unwrap();
    let buried: Vec<_> =
        listed.iter().map(|letter| (letter.death().unwrap().cause, letter.original.clone())).collect();
    let original = |payload: &'static str| {
        let headers: Headers = [("origin", Some("somewhere".into()))].into_iter().collect();
        Body::Record(Record { key: Some("a".into()), value: Some(payload.into()), headers })
    };
    assert_eq!(buried, [(DeathCause::Undecodable, original("!two")), (DeathCause::Fatal, original("dies"))]);
    bus.close(std::time::Duration::from_secs(10)).await;
}

//! An adapter that passes records, as a broker across a network does: a worker decodes them.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use laneway::codecs::{CloudEventsBinary, Source};
use laneway::domain::{Batch, Body, Codec, Received, Record, SessionEvent};
use laneway_testkit::conformance::{Adapter, Capabilities, Factory, Needs};
use laneway_testkit::faults::{Filter, FilteredSubscriber};

use super::memory::Memory;

/// Makes memory brokers whose events arrive as records.
pub(crate) struct Records;

#[async_trait]
impl Factory for Records {
    fn capabilities(&self) -> Capabilities {
        Memory.capabilities()
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        records(Memory.adapter(needs).await)
    }
}

/// The adapter, with records in place of events.
pub(crate) fn records(adapter: Adapter) -> Adapter {
    let subscriber = FilteredSubscriber::new(adapter.subscriber, |_: &_| Encoding(codec()));
    Adapter { subscriber: Arc::new(subscriber), codec: Some(Arc::new(codec())), ..adapter }
}

/// How the records are written.
pub(crate) fn codec() -> CloudEventsBinary {
    CloudEventsBinary::kafka(Source::default())
}

/// Encodes what arrives.
struct Encoding(CloudEventsBinary);

impl Filter for Encoding {
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        heard.push_back(match event {
            SessionEvent::Batch(batch) => SessionEvent::Batch(encoded(&self.0, &batch)),
            other => other,
        });
    }
}

fn encoded(codec: &CloudEventsBinary, batch: &Batch) -> Batch {
    let Batch { partition, epoch, pending, .. } = *batch;
    let rows: Vec<_> = batch.rows.as_slice().iter().map(|row| record(codec, row)).collect();
    let bytes = rows.iter().map(|row| row.body.size()).sum();
    Batch { partition, epoch, bytes, rows: rows.into(), pending }
}

fn record(codec: &CloudEventsBinary, row: &Received) -> Received {
    let Body::Event(envelope) = &row.body else { panic!("{row:?} is a record already") };
    let mut record = Record::default();
    codec.encode(envelope, &mut record).unwrap_or_else(|error| panic!("{envelope:?}: {error}"));
    Received { body: Body::Record(record), ..*row }
}

//! An adapter that passes records, as a broker across a network does: a worker decodes them.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use laneway::domain::{Batch, Body, Codec, Received, Record, SessionEvent};
use laneway_testkit::conformance::{Adapter, Capabilities, Factory, Needs};
use laneway_testkit::faults::{Filter, FilteredSubscriber};

use super::memory::Memory;
use super::plain::Plain;

/// Makes memory brokers whose events arrive as records.
pub(crate) struct Records;

#[async_trait]
impl Factory for Records {
    fn capabilities(&self) -> Capabilities {
        Memory.capabilities()
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        let adapter = Memory.adapter(needs).await;
        let subscriber = FilteredSubscriber::new(adapter.subscriber, |_: &_| Encoding(Arc::new(Plain)));
        Adapter { subscriber: Arc::new(subscriber), codec: Some(Arc::new(Plain)), ..adapter }
    }
}

/// Encodes what arrives.
pub(crate) struct Encoding(pub(crate) Arc<dyn Codec>);

impl Filter for Encoding {
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        heard.push_back(match event {
            SessionEvent::Batch(batch) => SessionEvent::Batch(self.batch(&batch)),
            other => other,
        });
    }
}

impl Encoding {
    fn batch(&self, batch: &Batch) -> Batch {
        let Batch { partition, epoch, pending, .. } = *batch;
        let rows: Vec<_> = batch.rows.as_slice().iter().map(|row| self.row(row)).collect();
        let bytes = rows.iter().map(|row| row.body.size()).sum();
        Batch { partition, epoch, bytes, rows: rows.into(), pending }
    }

    fn row(&self, row: &Received) -> Received {
        let Body::Event(envelope) = &row.body else { panic!("{row:?} is a record already") };
        let mut record = Record::default();
        self.0.encode(envelope, &mut record).unwrap_or_else(|error| panic!("{envelope:?}: {error}"));
        Received { body: Body::Record(record), ..*row }
    }
}

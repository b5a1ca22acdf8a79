//! Positions that hold nothing deliverable: what control records and compaction are to a reader.

use std::collections::{BTreeSet, VecDeque};

use laneway_domain::{
    Batch, Body, Envelope, EventType, Origin, Outgoing, PublishError, Publisher, Received, Resume,
    SessionEvent, TopicName,
};

use super::filter::Filter;

/// Hides padding from a session's user, who hears of progress instead, as the contract says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Padding;

impl Padding {
    const TYPE: &str = "laneway.testkit.Padding";

    /// Puts padding behind the newest event of each of so many partitions. Publishes past every wrapper that records.
    ///
    /// # Errors
    /// Where the publisher refuses it.
    pub async fn put(
        publisher: &dyn Publisher,
        topic: &TopicName,
        partitions: usize,
    ) -> Result<(), PublishError> {
        let mut padded = BTreeSet::new();
        // Without an aggregate an event goes to any partition: sooner or later each has had one.
        while padded.len() < partitions {
            let event = Envelope::new(topic.clone(), "").with_event_type(EventType::from_static(Self::TYPE));
            for answer in publisher.publish(Outgoing { events: vec![event], origin: Origin::Caller }).await {
                padded.insert(answer?.partition);
            }
        }
        Ok(())
    }

    fn is(received: &Received) -> bool {
        matches!(&received.body, Body::Event(event)
            if event.event_type().is_some_and(|event_type| event_type.as_str() == Self::TYPE))
    }
}

impl Filter for Padding {
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        let SessionEvent::Batch(batch) = event else { return heard.push_back(event) };
        let rows = batch.rows.as_slice();
        if !rows.iter().any(Self::is) {
            return heard.push_back(SessionEvent::Batch(batch));
        }
        let Batch { partition, epoch, pending, .. } = batch;
        let end = rows.last().filter(|last| Self::is(last)).map(|last| Resume::After(last.position));
        let rows: Vec<_> = rows.iter().filter(|row| !Self::is(row)).cloned().collect();
        if !rows.is_empty() {
            let bytes = rows.iter().map(|row| row.body.size()).sum();
            heard.push_back(SessionEvent::Batch(Batch {
                partition,
                epoch,
                bytes,
                rows: rows.into(),
                pending,
            }));
        }
        heard.extend(end.map(|upto| SessionEvent::Progress { partition, epoch, upto }));
    }
}

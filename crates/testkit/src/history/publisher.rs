//! Recording what is published.

use async_trait::async_trait;
use laneway_domain::invariant::{Happening, Sighting};
use laneway_domain::{
    Flushed, Monotonic, Outgoing, PublishError, PublishFault, Published, Publisher, PublisherCapabilities,
};

use super::recorder::Recorder;

/// A publisher whose answers are recorded. A publish that nobody waited for counts as unknown.
#[derive(Debug, Clone)]
pub struct RecordedPublisher<P> {
    inner: P,
    recorder: Recorder,
}

impl<P> RecordedPublisher<P> {
    /// Records around `inner`.
    pub const fn new(inner: P, recorder: Recorder) -> Self {
        Self { inner, recorder }
    }
}

#[async_trait]
impl<P: Publisher> Publisher for RecordedPublisher<P> {
    fn capabilities(&self) -> &PublisherCapabilities {
        self.inner.capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let events = batch.events.iter().map(Sighting::from).collect();
        let mut asked = Asked { events, recorder: &self.recorder };
        let results = self.inner.publish(batch).await;
        asked.answered(&results);
        results
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        self.inner.flush(deadline).await
    }
}

/// Events whose answers are awaited.
struct Asked<'a> {
    events: Vec<Sighting>,
    recorder: &'a Recorder,
}

impl Asked<'_> {
    /// Events behind the last result stay unanswered.
    fn answered(&mut self, results: &[Result<Published, PublishError>]) {
        let told = results.len().min(self.events.len());
        let happenings = self.events.drain(..told).zip(results).map(|(event, result)| match result {
            Ok(Published { partition, position }) => {
                Happening::Published { event, partition: *partition, position: *position }
            }
            Err(error) if error.fault() == PublishFault::Unknown => Happening::PublishUnknown { event },
            Err(error) => Happening::PublishRefused { event, fault: error.fault() },
        });
        self.recorder.record_all(happenings);
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.recorder.record_all(self.events.drain(..).map(|event| Happening::PublishUnknown { event }));
    }
}

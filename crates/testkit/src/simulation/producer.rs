//! Publishing what a scenario says.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::Ground;
use laneway_domain::invariant::Invariant;
use laneway_domain::{Envelope, PublishError};

use super::stage::Stage;
use super::traffic::EventPlan;
use crate::faults::FaultyPublisher;
use crate::history::RecordedPublisher;

/// The bus of all publishers of a scenario.
pub(super) fn bus(stage: &Stage) -> Bus {
    let (adapter, recorder) = (&stage.adapter, stage.recorder.clone());
    let publisher = FaultyPublisher::new(adapter.publisher.clone(), stage.faults.clone());
    let publisher = Arc::new(RecordedPublisher::new(publisher, recorder));
    let subscriber = adapter.subscriber.clone();
    Bus::new(publisher, Ground { subscriber, dead_letters: None, clock: adapter.clock.clone() })
}

/// How long a publisher waits before it publishes again what was not acknowledged.
const AGAIN: Duration = Duration::from_millis(15);

/// Publishes what belongs to one publisher, in order, each batch until all of it is acknowledged.
pub(super) async fn publish(stage: Arc<Stage>, bus: Bus, publisher: usize) {
    let own = stage.scenario.events.iter().filter(|event| event.publisher == publisher);
    let mut left: VecDeque<EventPlan> = own.copied().collect();
    let began = stage.now();
    while let Some(first) = left.front() {
        stage.clock().wake_at(began + first.at).await;
        let due = stage.now().since(began);
        let ready = left.iter().take_while(|event| event.at <= due).count();
        let batch = left.drain(..ready.clamp(1, stage.scenario.publish_batch));
        let batch = batch.filter_map(|event| envelope(&stage, &event)).collect();
        send(&stage, &bus, batch).await;
    }
}

fn envelope(stage: &Stage, event: &EventPlan) -> Option<Envelope> {
    let topic = stage.adapter.topics.get(event.topic)?;
    let made = event.envelope(stage.scenario.seed, topic);
    made.inspect_err(|error| stage.find(Invariant::I1, format!("an event is not legal: {error}"))).ok()
}

async fn send(stage: &Stage, bus: &Bus, mut batch: Vec<Envelope>) {
    loop {
        let answers = bus.publish_batch(batch.clone()).await;
        stage.beat();
        let mut answers = answers.into_iter();
        batch.retain(|_| match answers.next() {
            Some(Ok(_)) => false,
            Some(Err(error)) => is_retried(stage, &error),
            None => true,
        });
        if batch.is_empty() {
            return;
        }
        stage.wait(AGAIN).await;
    }
}

fn is_retried(stage: &Stage, error: &PublishError) -> bool {
    if !error.is_retryable() {
        stage.find(Invariant::I22, format!("an event was refused for good: {error}"));
    }
    error.is_retryable()
}

//! One bus of a scenario: a process that joins a group, and closes or crashes.

use std::sync::Arc;
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Subscription, SubscriptionError};
use laneway_domain::invariant::{Happening, Invariant, Link, MemberId};
use laneway_domain::{Cancellation, Clock, Envelope};

use super::life::Life;
use super::mortal::OfLife;
use super::stage::Stage;
use super::work::{Detached, Work};
use crate::faults::{FaultyDeadLetters, FaultySubscriber};
use crate::history::{RecordedDeadLetters, RecordedHandler, RecordedPublisher, RecordedSubscriber};

/// A member of a group.
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) group: usize,
    pub(super) subscription: Subscription,
    bus: Bus,
    life: Life,
}

/// How long a member waits before it tries again to join.
const AGAIN: Duration = Duration::from_millis(20);

impl Member {
    /// Joins a group, and goes on trying while the broker is out of reach.
    pub(super) async fn join(stage: &Arc<Stage>, group: usize) -> Option<Self> {
        let (id, life) = (stage.recorder.member(), Life::default());
        let bus = bus(stage, id, &life);
        loop {
            match subscribe(stage, &bus, group, id, &life).await {
                Ok(subscription) => return Some(Self { id, group, subscription, bus, life }),
                Err(SubscriptionError::Open(error)) if error.is_retryable() => stage.wait(AGAIN).await,
                Err(error) => {
                    stage.find(Invariant::I1, format!("a member could not join: {error}"));
                    return None;
                }
            }
        }
    }

    /// Closes in order, and sees that a closed bus takes nothing.
    pub(super) async fn close(self, stage: &Stage, within: Duration) {
        let (member, recorder) = (self.id, &stage.recorder);
        recorder.record(Happening::Signalled { member, deadline: stage.now() + within });
        self.bus.close(within).await;
        // A close over sessions that broke is none with the broker connected: what it sent may not have arrived.
        let link = Link::Broker;
        let broke = stage.sessions_broke();
        recorder.record_all(broke.then_some(Happening::ConnectionDown { link }));
        recorder.record(Happening::Closed { member });
        recorder.record_all(broke.then_some(Happening::ConnectionUp { link }));
        if let Some(topic) = stage.adapter.topics.first() {
            let accepted = self.bus.publish(Envelope::new(topic.clone(), "late")).await.is_ok();
            recorder.record(Happening::PublishAfterClose { member, accepted });
        }
    }

    /// Dies: nothing is said, nothing is committed.
    pub(super) fn crash(self, stage: &Stage) {
        stage.recorder.record(Happening::Crashed { member: self.id });
        self.life.end();
    }
}

fn bus(stage: &Stage, id: MemberId, life: &Life) -> Bus {
    let (adapter, recorder, faults) = (&stage.adapter, &stage.recorder, &stage.faults);
    let subscriber = FaultySubscriber::new(adapter.subscriber.clone(), faults.clone());
    let subscriber = RecordedSubscriber::new(subscriber, recorder.clone(), id);
    let letters = FaultyDeadLetters::new(adapter.dead_letters.clone(), faults.clone());
    let letters = RecordedDeadLetters::new(letters, recorder.clone());
    let clock: Arc<dyn Clock> = Arc::new(OfLife { life: life.clone(), inner: adapter.clock.clone() });
    let publisher = RecordedPublisher::new(adapter.publisher.clone(), recorder.clone());
    let ground = Ground {
        subscriber: Arc::new(OfLife { life: life.clone(), inner: subscriber }),
        dead_letters: Some(Arc::new(OfLife { life: life.clone(), inner: letters })),
        clock,
    };
    Bus::new(Arc::new(publisher), ground)
}

async fn subscribe(
    stage: &Arc<Stage>,
    bus: &Bus,
    group: usize,
    id: MemberId,
    life: &Life,
) -> Result<Subscription, SubscriptionError> {
    let plan = &stage.scenario.groups[group];
    let mut options = plan.options(stage.groups[group].clone(), &stage.adapter.topics);
    options.codec.clone_from(&stage.adapter.codec);
    let work = Work { stage: stage.clone(), temper: plan.temper, cancellation: plan.cancellation };
    let work = RecordedHandler::new(work, stage.recorder.clone(), id);
    let life = life.clone();
    match plan.cancellation {
        Cancellation::Drop => bus.subscribe(options, OfLife { life, inner: work }).await,
        Cancellation::Finish => {
            let inner = Detached { work: Arc::new(work), life: life.clone() };
            bus.subscribe(options, OfLife { life, inner }).await
        }
    }
}

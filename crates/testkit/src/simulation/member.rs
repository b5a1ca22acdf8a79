//! One bus of a scenario: a process that joins a group, and closes or crashes.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Subscription, SubscriptionError};
use laneway_domain::invariant::{Happening, Invariant, Link, MemberId};
use laneway_domain::{Cancellation, Clock, Envelope, Publisher};

use super::flow;
use super::life::Life;
use super::mortal::OfLife;
use super::shelf::LettersOfLife;
use super::stage::Stage;
use super::work::{Detached, Work};
use crate::faults::{FaultyDeadLetters, FaultyPublisher, FaultySubscriber};
use crate::history::{
    RecordedDeadLetters, RecordedHandler, RecordedParking, RecordedPublisher, RecordedSubscriber,
};

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

/// How long a bus tries to subscribe before it counts as stuck: longer than any handler hangs.
const PATIENCE: Duration = Duration::from_secs(120);

impl Member {
    /// Joins a group, and goes on trying while the broker is out of reach.
    pub(super) async fn join(stage: &Arc<Stage>, group: usize) -> Option<Self> {
        let (id, life) = (stage.recorder.member(), Life::default());
        let bus = bus(stage, id, &life);
        let seat = Seat { stage, bus: &bus, group, id, life: &life };
        let subscription = seat.take().await?;
        Some(Self { id, group, subscription, bus, life })
    }

    /// Closes the subscription, and subscribes again some time later, on the same bus.
    pub(super) async fn again(
        mut self,
        stage: &Arc<Stage>,
        within: Duration,
        pause: Duration,
    ) -> Option<Self> {
        self.life.or_over(self.life.awake()).await?;
        self.life.or_over(self.subscription.close(within)).await?;
        if !pause.is_zero() {
            stage.wait(pause).await;
        }
        let seat = Seat { stage, bus: &self.bus, group: self.group, id: self.id, life: &self.life };
        self.subscription = seat.take().await?;
        Some(self)
    }

    /// Its life.
    pub(super) fn life(&self) -> Life {
        self.life.clone()
    }

    /// Closes in order, and sees that a closed bus takes nothing.
    pub(super) async fn close(self, stage: &Stage, within: Duration) {
        // Nobody signals a process that stands still: it would hear it later.
        if self.life.or_over(self.life.awake()).await.is_none() {
            return;
        }
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
    let letters = RecordedParking::new(adapter.dead_letters.clone(), recorder.clone());
    let letters = RecordedDeadLetters::new(letters, recorder.clone());
    let letters = FaultyDeadLetters::new(letters, faults.clone());
    let clock: Arc<dyn Clock> = Arc::new(OfLife { life: life.clone(), inner: adapter.clock.clone() });
    let publisher = FaultyPublisher::new(adapter.publisher.clone(), faults.clone());
    let publisher: Arc<dyn Publisher> = Arc::new(RecordedPublisher::new(publisher, recorder.clone()));
    let ground = Ground {
        subscriber: Arc::new(OfLife { life: life.clone(), inner: subscriber }),
        dead_letters: Some(Arc::new(LettersOfLife::hooked(letters, life.clone()))),
        clock,
    };
    Bus::new(Arc::new(OfLife { life: life.clone(), inner: publisher }), ground)
}

/// A place in a group that a bus is about to take.
struct Seat<'a> {
    stage: &'a Arc<Stage>,
    bus: &'a Bus,
    group: usize,
    id: MemberId,
    life: &'a Life,
}

impl Seat<'_> {
    /// Subscribes, and goes on trying while the broker is out of reach, or something of the last subscription runs.
    async fn take(&self) -> Option<Subscription> {
        let deadline = self.stage.now() + PATIENCE;
        loop {
            let error = match self.subscribe().await {
                Ok(subscription) => return Some(subscription),
                Err(error) => error,
            };
            let passes = match &error {
                SubscriptionError::Open(error) => error.is_retryable(),
                SubscriptionError::Twice { .. } => true,
                _ => false,
            };
            if !passes || self.stage.now() > deadline {
                self.stage.find(Invariant::I1, format!("bus {} could not subscribe: {error}", self.id.0));
                return None;
            }
            self.stage.wait(AGAIN).await;
        }
    }

    async fn subscribe(&self) -> Result<Subscription, SubscriptionError> {
        let (stage, group) = (self.stage, self.group);
        let plan = &stage.scenario.groups[group];
        let mut options = plan.options(stage.groups[group].clone(), stage.topics_of(group));
        options.codec.clone_from(&stage.adapter.codec);
        options.recovery = plan.modes.map(|modes| modes.options(&stage.recorder, stage.name(self.id)));
        let work = Work {
            stage: stage.clone(),
            bus: self.bus.clone(),
            member: self.id,
            group,
            calls: AtomicU32::new(0),
            life: self.life.clone(),
        };
        let work = RecordedHandler::new(work, stage.recorder.clone(), self.id);
        if !plan.probation {
            stage.recorder.record_all(flow::limited(&plan.flow, self.id, &stage.groups[group]));
        }
        let life = self.life.clone();
        match plan.cancellation {
            Cancellation::Drop => self.bus.subscribe(options, OfLife { life, inner: work }).await,
            Cancellation::Finish => {
                let inner = Detached { work: Arc::new(work), life: life.clone() };
                self.bus.subscribe(options, OfLife { life, inner }).await
            }
        }
    }
}

//! A bus that is recorded.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Subscription, SubscriptionError, SubscriptionOptions};
use laneway_domain::invariant::{Happening, MemberId};
use laneway_domain::{DeadLetterQueue, Flushed, Handler};

use super::adapter::Adapter;
use super::permits::Permits;
use crate::faults::FilteredSubscriber;
use crate::history::{
    RecordedDeadLetters, RecordedHandler, RecordedParking, RecordedPublisher, RecordedSubscriber, Recorder,
};

/// A bus whose ports and handlers are recorded. Clones are the same bus.
#[derive(Clone)]
pub(crate) struct Member {
    bus: Bus,
    id: MemberId,
    recorder: Recorder,
    permits: Permits,
}

impl Member {
    pub(crate) fn new(adapter: &Adapter, dead_letters: Arc<dyn DeadLetterQueue>, recorder: Recorder) -> Self {
        let id = recorder.member();
        let publisher = RecordedPublisher::new(adapter.publisher.clone(), recorder.clone());
        let (permits, noted) = (Permits::default(), adapter.subscriber.clone());
        let seen = permits.clone();
        let noted = FilteredSubscriber::new(noted, move |_: &_| seen.clone());
        let subscriber = RecordedSubscriber::new(noted, recorder.clone(), id);
        let dead_letters = RecordedParking::reading(dead_letters, recorder.clone(), adapter.codec.clone());
        let dead_letters = RecordedDeadLetters::new(dead_letters, recorder.clone());
        let ground = Ground {
            subscriber: Arc::new(subscriber),
            dead_letters: Some(Arc::new(dead_letters)),
            clock: adapter.clock.clone(),
        };
        Self { bus: Bus::new(Arc::new(publisher), ground), id, recorder, permits }
    }

    pub(crate) async fn subscribe<H: Handler>(
        &self,
        options: SubscriptionOptions,
        handler: H,
    ) -> Result<Subscription, SubscriptionError> {
        let handler = RecordedHandler::new(handler, self.recorder.clone(), self.id);
        self.bus.subscribe(options, handler).await
    }

    pub(crate) async fn close(&self, within: Duration) -> Flushed {
        let deadline = self.recorder.now() + within;
        self.recorder.record(Happening::Signalled { member: self.id, deadline });
        let flushed = self.bus.close(within).await;
        self.recorder.record(Happening::Closed { member: self.id });
        flushed
    }

    /// Until when its sessions let handlers start.
    pub(crate) fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Says that its process is dead.
    pub(crate) fn died(&self) {
        self.recorder.record(Happening::Crashed { member: self.id });
    }
}

impl Deref for Member {
    type Target = Bus;

    fn deref(&self) -> &Bus {
        &self.bus
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("id", &self.id).field("bus", &self.bus).finish_non_exhaustive()
    }
}

//! A broker that writes down what owners find.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, Checkpoint, Epoch, Flow, Monotonic, PartitionId, Resume, RevocationId, Session,
    SessionEvent, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};
use laneway_memory::MemoryBroker;

/// The states that assignments brought.
#[derive(Clone)]
pub(crate) struct Spy {
    pub(crate) broker: MemoryBroker,
    pub(crate) found: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Spy {
    pub(crate) fn new(broker: MemoryBroker) -> Self {
        Self { broker, found: Arc::default() }
    }

    /// Whether the last assignment found a tenure that was open.
    pub(crate) fn found_open(&self) -> bool {
        // Version, then flags, of which the first says so.
        self.found
            .lock()
            .unwrap()
            .last()
            .is_some_and(|state| state.get(1).is_some_and(|flags| flags & 1 == 1))
    }
}

#[async_trait]
impl Subscriber for Spy {
    fn capabilities(&self) -> &SubscriberCapabilities {
        Subscriber::capabilities(&self.broker)
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        Subscriber::lag(&self.broker)
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let session = self.broker.open(subscription).await?;
        Ok(Box::new(Watched { session, found: self.found.clone() }))
    }
}

struct Watched {
    session: Box<dyn Session>,
    found: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Session for Watched {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        let event = self.session.poll_next(cx);
        if let Poll::Ready(SessionEvent::Assigned(assignments)) = &event {
            let stored = assignments.iter().filter_map(|assignment| assignment.stored.as_ref());
            self.found.lock().unwrap().extend(stored.map(|stored| stored.state.to_vec()));
        }
        event
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        self.session.start(partition, epoch, from);
    }

    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow) {
        self.session.flow(partition, epoch, flow);
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        self.session.commit(checkpoints);
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        self.session.release(revocation, last);
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        self.session.close(last, deadline);
    }
}

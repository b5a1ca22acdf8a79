//! A broker that writes down what owners find.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, Checkpoint, CommitError, Epoch, Flow, GroupId, Monotonic, PartitionId, Resume,
    RevocationId, Session, SessionEvent, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};
use laneway_memory::MemoryBroker;

/// The states that assignments brought.
#[derive(Clone)]
pub(crate) struct Spy {
    pub(crate) broker: MemoryBroker,
    pub(crate) found: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Of this group nothing is stored behind the first checkpoint of a session.
    pub(crate) refused: Arc<Mutex<Option<GroupId>>>,
}

impl Spy {
    pub(crate) fn new(broker: MemoryBroker) -> Self {
        Self { broker, found: Arc::default(), refused: Arc::default() }
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
        let group = subscription.group.clone();
        let session = self.broker.open(subscription).await?;
        let (spy, answers) = (self.clone(), VecDeque::new());
        Ok(Box::new(Watched { session, spy, group, begun: false, answers }))
    }
}

struct Watched {
    session: Box<dyn Session>,
    spy: Spy,
    group: GroupId,
    begun: bool,
    answers: VecDeque<SessionEvent>,
}

impl Session for Watched {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        if let Some(answer) = self.answers.pop_front() {
            return Poll::Ready(answer);
        }
        let event = self.session.poll_next(cx);
        if let Poll::Ready(SessionEvent::Assigned(assignments)) = &event {
            let stored = assignments.iter().filter_map(|assignment| assignment.stored.as_ref());
            self.spy.found.lock().unwrap().extend(stored.map(|stored| stored.state.to_vec()));
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
        let refused = self.spy.refused.lock().unwrap().as_ref() == Some(&self.group);
        if !refused || !std::mem::replace(&mut self.begun, true) {
            return self.session.commit(checkpoints);
        }
        let no = || Err(CommitError::Retry("it is busy".to_owned()));
        let answers = checkpoints.iter().map(|checkpoint| checkpoint.answer(no())).collect();
        self.answers.push_back(SessionEvent::Committed(answers));
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        self.session.release(revocation, last);
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        self.session.close(last, deadline);
    }
}

//! A broker that says what the test says, and writes down what it is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_domain::{
    AggregateId, Assignment, BacklogChecker, BacklogError, Batch, Body, Checkpoint, CommitError, Envelope,
    Epoch, Flow, GroupId, Monotonic, PartitionId, PartitionLag, PartitionNumber, Position, Received, Resume,
    RevocationId, Session, SessionEvent, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
    Timestamp, TopicName,
};
use tokio::sync::mpsc;

use crate::diary::Diary;

const CAPABILITIES: SubscriberCapabilities =
    SubscriberCapabilities { partitions: true, state_bytes: 1_024, fences: true, replays: true };

pub(crate) struct Broker {
    diary: Diary,
    say: mpsc::UnboundedSender<SessionEvent>,
    said: Mutex<Option<mpsc::UnboundedReceiver<SessionEvent>>>,
    partitions: Mutex<BTreeMap<u32, (Epoch, u64)>>,
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("scripted").unwrap()
}

impl Broker {
    pub(crate) fn new(diary: Diary) -> Self {
        let (say, said) = mpsc::unbounded_channel();
        Self { diary, say, said: Mutex::new(Some(said)), partitions: Mutex::default() }
    }

    pub(crate) fn say(&self, event: SessionEvent) {
        self.say.send(event).unwrap();
    }

    fn partition<T>(&self, partition: u32, of: impl FnOnce(&mut (Epoch, u64)) -> T) -> T {
        let mut partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        of(partitions.entry(partition).or_insert((Epoch(0), 0)))
    }

    /// Assigns a partition, with an epoch of its own.
    pub(crate) fn assign(&self, partition: u32) {
        let epoch = self.partition(partition, |(epoch, _)| {
            epoch.0 += 1;
            *epoch
        });
        self.say(SessionEvent::Assigned(vec![Assignment {
            partition: PartitionId(partition),
            epoch,
            topic: topic(),
            number: PartitionNumber(partition),
            stored: None,
            initial: Resume::Start,
        }]));
    }

    /// A partition with its current epoch.
    pub(crate) fn current(&self, partition: u32) -> Vec<(PartitionId, Epoch)> {
        vec![(PartitionId(partition), self.partition(partition, |(epoch, _)| *epoch))]
    }

    pub(crate) fn lose(&self, partition: u32) {
        self.say(SessionEvent::Lost { partitions: self.current(partition) });
    }

    /// Delivers one batch: pairs of an aggregate, none where it is empty, and the event's name.
    pub(crate) fn deliver(&self, partition: u32, events: &[(&str, &str)]) {
        let (epoch, first) = self.partition(partition, |(epoch, next)| {
            let first = *next;
            *next += events.len() as u64;
            (*epoch, first)
        });
        let received = |(at, (aggregate, name)): (u64, &(&str, &str))| {
            let envelope = Envelope::new(topic(), (*name).to_owned());
            let body = Body::Event(match AggregateId::new(*aggregate) {
                Ok(id) => envelope.with_aggregate(id),
                Err(_) => envelope,
            });
            Received { position: Position::new(at), appended: Timestamp::default(), body }
        };
        let rows: Vec<Received> = (first..).zip(events).map(received).collect();
        let bytes = rows.iter().map(|row| row.body.size()).sum();
        let partition = PartitionId(partition);
        self.say(SessionEvent::Batch(Batch { partition, epoch, bytes, rows: rows.into(), pending: None }));
    }
}

#[async_trait]
impl Subscriber for Broker {
    fn capabilities(&self) -> &SubscriberCapabilities {
        &CAPABILITIES
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        Some(self)
    }

    async fn open(&self, _: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).take();
        let said = said.ok_or(SubscribeError::Closed)?;
        let (diary, say) = (self.diary.clone(), self.say.clone());
        Ok(Box::new(Scripted { diary, say, said, started: BTreeSet::new(), held: VecDeque::new() }))
    }
}

/// It knows of none, so modes change by hand alone.
#[async_trait]
impl BacklogChecker for Broker {
    async fn backlog(&self, _: &GroupId, _: &[TopicName]) -> Result<Vec<PartitionLag>, BacklogError> {
        Err(BacklogError::Unavailable { reason: "the test does not say".to_owned(), cause: None })
    }
}

struct Scripted {
    diary: Diary,
    say: mpsc::UnboundedSender<SessionEvent>,
    said: mpsc::UnboundedReceiver<SessionEvent>,
    started: BTreeSet<(PartitionId, Epoch)>,
    /// Batches of partitions that are not started.
    held: VecDeque<Batch>,
}

impl Session for Scripted {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        let started = |batch: &Batch| self.started.contains(&(batch.partition, batch.epoch));
        if let Some(at) = self.held.iter().position(started) {
            return Poll::Ready(self.held.remove(at).map(SessionEvent::Batch).unwrap());
        }
        loop {
            match self.said.poll_recv(cx) {
                Poll::Ready(Some(SessionEvent::Batch(batch))) if !started(&batch) => {
                    self.held.push_back(batch)
                }
                Poll::Ready(Some(event)) => return Poll::Ready(event),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn start(&mut self, partition: PartitionId, epoch: Epoch, _: Resume) {
        self.started.insert((partition, epoch));
        self.diary.write(|page| {
            page.reader = tokio::task::try_id();
            page.flow(partition.0, Flow::Open);
        });
    }

    fn flow(&mut self, partition: PartitionId, _: Epoch, flow: Flow) {
        self.diary.write(|page| page.flow(partition.0, flow));
    }

    fn commit(&mut self, checkpoints: Vec<Checkpoint>) {
        if let Some(why) = self.diary.read(|page| page.refuses.clone()) {
            let refused = |one: &Checkpoint| one.answer(Err(CommitError::Retry(why.clone())));
            let _ = self.say.send(SessionEvent::Committed(checkpoints.iter().map(refused).collect()));
            return;
        }
        let answers = checkpoints.iter().map(|one| one.answer(Ok(()))).collect();
        let committed = checkpoints.into_iter().map(|of| (of.partition.0, of.resume));
        self.diary.write(|page| page.committed.extend(committed));
        // A test that is over no longer listens.
        let _ = self.say.send(SessionEvent::Committed(answers));
    }

    fn release(&mut self, revocation: RevocationId, _: Vec<Checkpoint>) {
        self.diary.write(|page| page.released = Some(revocation));
    }

    fn close(&mut self, last: Vec<Checkpoint>, _: Monotonic) {
        let committed = last.into_iter().map(|of| (of.partition.0, of.resume));
        self.diary.write(|page| page.committed.extend(committed));
        let _ = self.say.send(SessionEvent::Closed);
    }
}

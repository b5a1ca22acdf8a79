//! A memory broker whose checkpoints outlive its process, in a file, and a dead-letter store that does.

mod letters;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway::domain::{
    Checkpoint, CommitAnswer, Epoch, Flow, Monotonic, PartitionId, Position, Resume, RevocationId, Session,
    SessionEvent, StoredCheckpoint, SubscribeError, Subscriber, SubscriberCapabilities, Subscription,
};
use laneway::memory::MemoryBroker;

pub(crate) use letters::letters;

/// Every commit that the broker accepted is in the file before its answer is heard.
pub(crate) struct Kept {
    pub(crate) broker: MemoryBroker,
    pub(crate) file: PathBuf,
}

#[async_trait]
impl Subscriber for Kept {
    fn capabilities(&self) -> &SubscriberCapabilities {
        Subscriber::capabilities(&self.broker)
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let session = self.broker.open(subscription).await?;
        let stored = std::fs::read_to_string(&self.file).unwrap_or_default().lines().map(read).collect();
        let (file, sent) = (self.file.clone(), Vec::new());
        Ok(Box::new(KeptSession { session, file, stored, sent }))
    }
}

struct KeptSession {
    session: Box<dyn Session>,
    file: PathBuf,
    /// By the number of the partition, which is the session's as well: there is one topic.
    stored: HashMap<u32, StoredCheckpoint>,
    /// What has no answer yet.
    sent: Vec<Checkpoint>,
}

impl KeptSession {
    fn keep(&mut self, checkpoint: Checkpoint) {
        let Checkpoint { partition, resume, state, .. } = checkpoint;
        self.stored.insert(partition.0, StoredCheckpoint { resume, state });
        let lines: String = self.stored.iter().map(|(partition, stored)| line(*partition, stored)).collect();
        // The old file or the new one, whatever kills the process in between.
        let next = self.file.with_extension("next");
        std::fs::write(&next, lines).unwrap();
        std::fs::rename(next, &self.file).unwrap();
    }
}

impl Session for KeptSession {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent> {
        let mut event = self.session.poll_next(cx);
        match &mut event {
            Poll::Ready(SessionEvent::Assigned(assignments)) => {
                for assignment in assignments {
                    assert_eq!(assignment.partition.0, assignment.number.0);
                    assignment.stored = self.stored.get(&assignment.number.0).cloned();
                }
            }
            Poll::Ready(SessionEvent::Committed(answers)) => {
                for CommitAnswer { partition, epoch, number, result } in answers {
                    let answered = (*partition, *epoch, *number);
                    let of = |sent: &Checkpoint| (sent.partition, sent.epoch, sent.number) == answered;
                    let at = self.sent.iter().position(of).unwrap();
                    let sent = self.sent.remove(at);
                    if result.is_ok() {
                        self.keep(sent);
                    }
                }
            }
            _ => {}
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
        self.sent.extend(checkpoints.iter().cloned());
        self.session.commit(checkpoints);
    }

    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>) {
        last.iter().cloned().for_each(|last| self.keep(last));
        self.session.release(revocation, last);
    }

    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic) {
        last.iter().cloned().for_each(|last| self.keep(last));
        self.session.close(last, deadline);
    }
}

fn line(partition: u32, stored: &StoredCheckpoint) -> String {
    let (kind, position) = match stored.resume {
        Resume::Start => ("start", 0),
        Resume::At(position) => ("at", position.value()),
        Resume::After(position) => ("after", position.value()),
    };
    let mut line = format!("{partition} {kind} {position} ");
    for byte in &stored.state {
        write!(line, "{byte:02x}").unwrap();
    }
    line + "\n"
}

fn read(line: &str) -> (u32, StoredCheckpoint) {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap();
    let (partition, kind, position) = (word().parse().unwrap(), word(), word().parse().unwrap());
    let resume = match kind {
        "start" => Resume::Start,
        "at" => Resume::At(Position::new(position)),
        _ => Resume::After(Position::new(position)),
    };
    let hex = word();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let state: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    (partition, StoredCheckpoint { resume, state: state.into() })
}

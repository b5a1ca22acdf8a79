//! The thread that commits: the client blocks for an answer, and nobody else may wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use laneway_domain::{
    Checkpoint, Clock, CommitAnswer, CommitError, Epoch, PartitionId, Resume, RevocationId, SessionEvent,
};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::context::Consumer;
use crate::lookup::Stored;
use crate::mail::{Mail, Order, held};
use crate::metadata;
use crate::place::Place;
use crate::run;

/// Commits the newest checkpoint of each partition, and proves now and then that the group still knows us.
///
/// The broker takes commits of a member for partitions that it does not own, so epochs are compared here. An answer
/// moves the permission to start handlers to the time of asking and half the session's timeout.
pub(crate) struct Committer {
    state: Mutex<State>,
    bell: Condvar,
    permission: Duration,
    clock: Arc<dyn Clock>,
    mail: Arc<Mail>,
}

#[derive(Default)]
struct State {
    seats: BTreeMap<PartitionId, Seat>,
    /// A revocation, or the whole session, whose last checkpoints are among the newest.
    last: Vec<Option<RevocationId>>,
    /// What the group has is to be committed again.
    renew: bool,
    stopped: bool,
}

/// A partition that is ours.
struct Seat {
    place: Place,
    epoch: Epoch,
    /// What the group is known to have; it is committed again when nothing else is.
    stored: Stored,
    newest: Option<(Checkpoint, Stored)>,
}

/// What one call commits.
struct Round {
    list: TopicPartitionList,
    asked: Vec<(PartitionId, Checkpoint, Stored)>,
    last: Vec<Option<RevocationId>>,
}

/// What an answer of the broker means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Stored,
    Retry(String),
    /// The group knows us no more.
    Expelled,
}

impl Committer {
    pub(crate) fn new(permission: Duration, clock: Arc<dyn Clock>, mail: Arc<Mail>) -> Self {
        Self { state: Mutex::default(), bell: Condvar::new(), permission, clock, mail }
    }

    /// A partition is ours; what the group has of it is committed again at once, which proves that we are a member.
    pub(crate) fn hold(&self, partition: PartitionId, epoch: Epoch, place: Place, stored: Stored) {
        let mut state = held(&self.state);
        state.seats.insert(partition, Seat { place, epoch, stored, newest: None });
        state.renew = true;
    }

    /// A partition is ours no more.
    pub(crate) fn leave(&self, partition: PartitionId) {
        held(&self.state).seats.remove(&partition);
    }

    /// Takes checkpoints; those of older epochs are refused at once.
    pub(crate) fn commit(&self, checkpoints: Vec<Checkpoint>) {
        self.take(checkpoints, &[]);
    }

    /// Takes the last checkpoints of a revocation, or of the session; [`Order::Committed`] follows.
    pub(crate) fn commit_last(&self, checkpoints: Vec<Checkpoint>, revocation: Option<RevocationId>) {
        self.take(checkpoints, &[revocation]);
    }

    /// Under one lock, so that no round says that the last checkpoints are through and leaves them out.
    fn take(&self, checkpoints: Vec<Checkpoint>, last: &[Option<RevocationId>]) {
        let mut state = held(&self.state);
        let refused: Vec<_> =
            checkpoints.into_iter().filter_map(|checkpoint| state.take(checkpoint)).collect();
        state.last.extend(last);
        drop(state);
        if !refused.is_empty() {
            self.mail.post(SessionEvent::Committed(refused));
        }
        self.bell.notify_one();
    }

    /// Begins with the partitions that are held since the last time.
    pub(crate) fn begin(&self) {
        self.bell.notify_one();
    }

    pub(crate) fn stop(&self) {
        held(&self.state).stopped = true;
        self.bell.notify_one();
    }

    /// Commits until it is stopped.
    pub(crate) fn run(&self, consumer: &Consumer) {
        while let Some(round) = self.next() {
            let asked = self.clock.monotonic();
            let verdict = match round.list.count() {
                0 => None,
                _ => Some(verdict(consumer.commit(&round.list, CommitMode::Sync), || {
                    consumer.assignment_lost()
                })),
            };
            if verdict == Some(Verdict::Stored) {
                self.mail.post(SessionEvent::MayStart { until: asked + self.permission });
                self.mail.order(Order::Reached);
            }
            if let Some(verdict) = verdict {
                self.settle(round.asked, &verdict);
            }
            round.last.into_iter().for_each(|last| self.mail.order(Order::Committed(last)));
        }
    }

    /// Waits for something to commit; none when it is stopped.
    fn next(&self) -> Option<Round> {
        let mut state = held(&self.state);
        let idle = self.permission / 4;
        loop {
            if state.stopped {
                return None;
            }
            if state.has_news() {
                return Some(state.round());
            }
            let (woken, waited) =
                self.bell.wait_timeout(state, idle).unwrap_or_else(std::sync::PoisonError::into_inner);
            state = woken;
            state.renew |= waited.timed_out();
        }
    }

    fn settle(&self, asked: Vec<(PartitionId, Checkpoint, Stored)>, verdict: &Verdict) {
        let mut state = held(&self.state);
        let mut answers = Vec::with_capacity(asked.len());
        for (partition, checkpoint, stored) in asked {
            let result = match verdict {
                Verdict::Stored => Ok(()),
                Verdict::Retry(reason) => Err(CommitError::Retry(reason.clone())),
                Verdict::Expelled => Err(CommitError::Fenced),
            };
            let seat = state.seats.get_mut(&partition).filter(|seat| seat.epoch == checkpoint.epoch);
            if let (Some(seat), Ok(())) = (seat, &result) {
                seat.stored = stored;
            }
            answers.push(checkpoint.answer(result));
        }
        drop(state);
        if !answers.is_empty() {
            self.mail.post(SessionEvent::Committed(answers));
        }
        if *verdict == Verdict::Expelled {
            self.mail.order(Order::Expelled);
        }
    }
}

impl State {
    /// The answer, where it is refused.
    fn take(&mut self, checkpoint: Checkpoint) -> Option<CommitAnswer> {
        let seat = self.seats.get_mut(&checkpoint.partition).filter(|seat| seat.epoch == checkpoint.epoch);
        let Some(seat) = seat else { return Some(checkpoint.answer(Err(CommitError::Fenced))) };
        let Some(metadata) = metadata::write(&checkpoint.state) else {
            let reason = format!(
                "a state of {} bytes is longer than {}",
                checkpoint.state.len(),
                metadata::STATE_BYTES
            );
            return Some(checkpoint.answer(Err(CommitError::Retry(reason))));
        };
        let offset = match checkpoint.resume {
            Resume::Start => seat.stored.offset,
            Resume::At(next) => run::offset(next),
            Resume::After(last) => run::offset(last).saturating_add(1),
        };
        seat.newest = Some((checkpoint, Stored { offset, metadata }));
        None
    }

    fn has_news(&self) -> bool {
        let renew = self.renew && !self.seats.is_empty();
        renew || !self.last.is_empty() || self.seats.values().any(|seat| seat.newest.is_some())
    }

    /// What is new, and where the permission has to be renewed everything else as it is known.
    fn round(&mut self) -> Round {
        let renew = std::mem::take(&mut self.renew);
        let mut round = Round {
            list: TopicPartitionList::new(),
            asked: Vec::new(),
            last: std::mem::take(&mut self.last),
        };
        for (partition, seat) in &mut self.seats {
            match seat.newest.take() {
                Some((checkpoint, stored)) => {
                    add(&mut round.list, &seat.place, &stored);
                    round.asked.push((*partition, checkpoint, stored));
                }
                None if renew => add(&mut round.list, &seat.place, &seat.stored),
                None => {}
            }
        }
        round
    }
}

fn add(list: &mut TopicPartitionList, place: &Place, stored: &Stored) {
    let mut element = list.add_partition(place.topic.as_str(), place.raw());
    // An offset of a log is never negative, and metadata without a zero byte is always taken.
    _ = element.set_offset(Offset::Offset(stored.offset));
    element.set_metadata(&stored.metadata);
}

fn verdict(result: Result<(), KafkaError>, lost: impl Fn() -> bool) -> Verdict {
    let Err(error) = result else { return Verdict::Stored };
    match error.rdkafka_error_code() {
        Some(Code::UnknownMemberId | Code::FencedInstanceId | Code::FencedMemberEpoch) => Verdict::Expelled,
        Some(Code::IllegalGeneration | Code::RebalanceInProgress) if lost() => Verdict::Expelled,
        _ => Verdict::Retry(error.to_string()),
    }
}

/// Starts the thread.
pub(crate) fn spawn(committer: &Arc<Committer>, consumer: Arc<Consumer>, name: &str) -> std::io::Result<()> {
    let committer = committer.clone();
    let work = move || {
        committer.run(&consumer);
    };
    thread::Builder::new().name(format!("{name}-commit")).spawn(work).map(drop)
}

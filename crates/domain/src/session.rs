//! One membership of a consumer group, as a poll and a few commands.

use std::task::{Context, Poll};

use bytes::Bytes;
use thiserror::Error;

use crate::position::{Epoch, PartitionId, PartitionNumber, Resume};
use crate::record::Rows;
use crate::time::Monotonic;
use crate::topic::TopicName;

/// A membership of a group: events come out of [`poll_next`](Session::poll_next), commands go in.
///
/// # Contract
///
/// *Who calls*: one consume loop. Commands never block and never allocate per event; their answers come as events.
///
/// *Assignment*: after [`SessionEvent::Assigned`] nothing of a partition is delivered before
/// [`start`](Session::start). Commands that name an epoch other than the current one of their partition do nothing,
/// except that a `commit` answers [`CommitError::Fenced`].
///
/// *Order*: positions of a partition rise strictly within an epoch, and start where `start` says. A batch is never
/// empty and never mixes partitions. A missing range is a [`SessionEvent::Gap`], never a silent jump.
///
/// *Revocation*: after [`SessionEvent::Revoking`] no batch of its partitions comes. [`release`](Session::release)
/// commits `last` and gives the partitions up; past `until` the adapter does so by itself, without a commit, and says
/// [`SessionEvent::Lost`]. A revocation that something newer overtakes is closed with `Lost` as well; `release` of a
/// closed revocation does nothing. A partition that comes back, at once or later, has a new epoch.
///
/// *Commit*: only the newest checkpoint of a partition counts; its `state` comes back unchanged with the next
/// assignment, up to [`state_bytes`](crate::SubscriberCapabilities::state_bytes). Answers come as
/// [`SessionEvent::Committed`], in order of their numbers; one that a newer one overtakes may have none of its own.
///
/// *Back-pressure*: a closed flow may still deliver what was under way: one batch at most.
///
/// *Fetching*: an open flow is leave to fetch ahead, by as much as the adapter keeps of its own, and no other size is told
/// while the session lasts: `batch_events` and `batch_bytes` bound what is said at once. So an adapter asks its broker for
/// the most that it may hold, and takes what is there; a pull whose size is chosen each time asks for `batch_events`, and the
/// next one is under way before that is handed over. Whoever wants more for a while keeps flows open for longer.
///
/// *End*: [`SessionEvent::Failed`] and [`SessionEvent::Closed`] are the last event. `close` commits `last`, leaves the
/// group and says `Closed` by `deadline` at the latest, also with a dead broker. Dropping a session is a crash: nothing
/// is committed, and the partitions go to others when the broker notices.
///
/// *Cancel safety*: `poll_next` loses nothing when the future around it is dropped.
pub trait Session: Send {
    /// The next event of the membership.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<SessionEvent>;
    /// Begins to deliver an assigned partition.
    fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume);
    /// Opens or closes the flow of a partition; open after `start`.
    fn flow(&mut self, partition: PartitionId, epoch: Epoch, flow: Flow);
    /// Stores checkpoints.
    fn commit(&mut self, checkpoints: Vec<Checkpoint>);
    /// Answers a revocation with the last checkpoints of its partitions.
    fn release(&mut self, revocation: RevocationId, last: Vec<Checkpoint>);
    /// Commits what is left and leaves the group.
    fn close(&mut self, last: Vec<Checkpoint>, deadline: Monotonic);
}

/// What a session says.
#[derive(Debug)]
pub enum SessionEvent {
    /// Partitions are ours from now on.
    Assigned(Vec<Assignment>),
    /// Events of one partition.
    Batch(Batch),
    /// Reading passed positions that hold nothing deliverable: control records, compacted ones.
    Progress {
        /// The partition.
        partition: PartitionId,
        /// Its epoch.
        epoch: Epoch,
        /// Everything before this point was read.
        upto: Resume,
    },
    /// The broker no longer has a range that was not read.
    Gap(Gap),
    /// Partitions will be taken away.
    Revoking {
        /// Names this revocation in `release`.
        revocation: RevocationId,
        /// What goes.
        partitions: Vec<(PartitionId, Epoch)>,
        /// When the adapter gives them up by itself.
        until: Monotonic,
    },
    /// Partitions are gone already: commit nothing, finish nothing.
    Lost {
        /// What is gone.
        partitions: Vec<(PartitionId, Epoch)>,
    },
    /// What became of commits.
    Committed(Vec<CommitAnswer>),
    /// No handler starts later than this without a newer one of these. A session that never says so needs no fence.
    MayStart {
        /// The end of the permission.
        until: Monotonic,
    },
    /// The connection changed; for health and callbacks, the session goes on.
    Connection(ConnectionChange),
    /// The session ended by itself.
    Failed(SessionError),
    /// The session ended because it was closed.
    Closed,
}

/// A partition that was assigned.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The session's number for it.
    pub partition: PartitionId,
    /// The epoch of this assignment.
    pub epoch: Epoch,
    /// The topic.
    pub topic: TopicName,
    /// The partition's number within its topic.
    pub number: PartitionNumber,
    /// The group's checkpoint; where it has none, `initial` is where to start.
    pub stored: Option<StoredCheckpoint>,
    /// What the subscription's [`StartFrom`](crate::StartFrom) means for this partition.
    pub initial: Resume,
}

/// A checkpoint as the broker gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Everything before this point is finished.
    pub resume: Resume,
    /// What the core wrote, byte for byte; empty where it is unknown or someone else's.
    pub state: Bytes,
}

/// How far a group has come in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The partition.
    pub partition: PartitionId,
    /// The epoch in which the work was done.
    pub epoch: Epoch,
    /// Everything before this point is finished.
    pub resume: Resume,
    /// What is open and finished beyond it, opaque to adapters.
    pub state: Bytes,
    /// Its number among those of its tenure, rising; the answer names it.
    pub number: u64,
}

impl Checkpoint {
    /// The answer to it.
    #[must_use]
    pub fn answer(&self, stored: Result<(), CommitError>) -> CommitAnswer {
        let Self { partition, epoch, resume, number, .. } = *self;
        CommitAnswer { partition, epoch, number, result: stored.map(|()| resume) }
    }
}

/// What became of a checkpoint, and so of every older one of its partition and epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitAnswer {
    /// The partition.
    pub partition: PartitionId,
    /// The epoch in which the work was done.
    pub epoch: Epoch,
    /// The number of the checkpoint.
    pub number: u64,
    /// Where the group stands for sure from now on.
    pub result: Result<Resume, CommitError>,
}

/// Events of one partition, in order.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The partition.
    pub partition: PartitionId,
    /// The epoch in which they were read.
    pub epoch: Epoch,
    /// The bytes of all bodies.
    pub bytes: usize,
    /// The events; at least one.
    pub rows: Rows,
    /// How many more the broker has for us in this partition, where it tells.
    pub pending: Option<u64>,
}

/// A range that the broker deleted before it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The partition.
    pub partition: PartitionId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Where reading would have gone on.
    pub from: Resume,
    /// Where it goes on.
    pub to: Resume,
    /// Why the range is gone.
    pub cause: GapCause,
}

/// Why events are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// Limits of time, size or number overtook the reader.
    Retention,
    /// The topic was deleted and made again.
    Recreated,
    /// Someone deleted them; how many is not known.
    Deleted,
}

/// Whether a partition delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// It delivers.
    Open,
    /// It holds back.
    Closed,
}

/// Names a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RevocationId(pub u64);

/// What happened to the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionChange {
    /// It stands, or stands again.
    Up,
    /// It is gone, for this reason.
    Down {
        /// The client's words, without secrets.
        reason: String,
    },
}

/// Why a commit was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Not now; a later commit may succeed.
    #[error("the checkpoint was not stored, a later one may be: {0}")]
    Retry(String),
    /// The partition is no longer ours in that epoch.
    #[error("the partition has another owner or a newer epoch")]
    Fenced,
}

/// Why a session ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the session ended: {reason}")]
pub struct SessionError {
    /// The reason, without secrets.
    pub reason: String,
    /// Whether opening a new session can help.
    pub reopen: bool,
}

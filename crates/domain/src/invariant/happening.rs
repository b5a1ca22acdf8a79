//! What can happen.

use std::time::Duration;

use super::digest::Digest;
use super::place::{Place, Sighting, Start};
use super::terms::{Link, Load, MemberId, Outcome, RecoveryMode, RunId};
use crate::aggregate::AggregateKey;
use crate::dead_letter::DeathCause;
use crate::identity::{AggregateVersion, EventId, GroupId, TenantId};
use crate::parking::Scope;
use crate::position::{Epoch, PartitionNumber, Position, Resume};
use crate::publisher::PublishFault;
use crate::time::Monotonic;
use crate::topic::TopicName;

/// Something that was seen to happen at a port or at the edge of a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "most happenings are the large ones: a box would cost more")]
pub enum Happening {
    /// A bus joined a group.
    Subscribed {
        /// The bus.
        member: MemberId,
        /// The group.
        group: GroupId,
        /// The topics that the session is for.
        topics: Vec<TopicName>,
    },
    /// A subscription begins whose handlers start no faster than this, with its whole burst at hand.
    RateLimited {
        /// The bus.
        member: MemberId,
        /// The group.
        group: GroupId,
        /// Whose events count; those of all where nobody is named.
        tenant: Option<TenantId>,
        /// The time between two starts at an even pace.
        every: Duration,
        /// How many may start at once after a pause.
        burst: u32,
    },
    /// A session ended: closed, failed or dropped. What it owned is no longer its own.
    SessionEnded {
        /// The bus.
        member: MemberId,
        /// The group.
        group: GroupId,
        /// The topics that the session was for.
        topics: Vec<TopicName>,
    },
    /// A process died, and with it everything that it ran.
    Crashed {
        /// Its bus.
        member: MemberId,
    },
    /// A process stands still from now on: nothing of it runs, and it hears nothing.
    Frozen {
        /// Its bus.
        member: MemberId,
    },
    /// A process that stood still goes on, and has yet to hear what it missed.
    Woken {
        /// Its bus.
        member: MemberId,
    },
    /// Publishing was acknowledged.
    Published {
        /// The event.
        event: Sighting,
        /// Where it stands.
        partition: PartitionNumber,
        /// Where it stands, as far as the broker says.
        position: Option<Position>,
    },
    /// Publishing failed, and the publisher says that nothing was stored.
    PublishRefused {
        /// The event.
        event: Sighting,
        /// What the publisher said.
        fault: PublishFault,
    },
    /// Publishing ended without an answer: no acknowledgement came, or nobody waited for it.
    PublishUnknown {
        /// The event.
        event: Sighting,
    },
    /// A member owns a partition.
    Assigned {
        /// The bus.
        member: MemberId,
        /// The partition, for its group.
        scope: Scope,
        /// The epoch of the assignment.
        epoch: Epoch,
        /// The group's stored checkpoint.
        stored: Option<Resume>,
        /// Where a group starts that has none.
        initial: Resume,
    },
    /// A member was asked to give a partition up.
    Revoking {
        /// The bus.
        member: MemberId,
        /// The partition, for its group.
        scope: Scope,
        /// The epoch of the assignment.
        epoch: Epoch,
    },
    /// A member gave a partition up.
    Released {
        /// The bus.
        member: MemberId,
        /// The partition, for its group.
        scope: Scope,
        /// The epoch of the assignment.
        epoch: Epoch,
    },
    /// A member heard that a partition is gone.
    Lost {
        /// The bus.
        member: MemberId,
        /// The partition, for its group.
        scope: Scope,
        /// The epoch of the assignment.
        epoch: Epoch,
    },
    /// A record arrived that a worker will decode.
    Fetched {
        /// Where it stands.
        place: Place,
        /// The record's bytes.
        digest: Digest,
    },
    /// A handler was called.
    HandlerStarted(Start),
    /// A handler's run ended.
    HandlerEnded {
        /// The run.
        run: RunId,
        /// How.
        outcome: Outcome,
    },
    /// The inbox knew the event: it was settled without a run.
    Skipped {
        /// Where it stands.
        place: Place,
    },
    /// The dead-letter store took an entry.
    DeadLettered {
        /// What identifies it.
        place: Place,
        /// The event, where it was decoded.
        id: Option<EventId>,
        /// Its aggregate, where it has one.
        key: Option<AggregateKey>,
        /// The bytes that were buried.
        digest: Digest,
        /// Why it died.
        cause: DeathCause,
        /// Whether it closes its aggregate: what comes behind it is parked.
        parks: bool,
    },
    /// A reader of the dead-letter store saw an entry.
    LetterListed {
        /// The number of the listing, from 1; a listing is complete.
        listing: u32,
        /// What identifies the entry.
        place: Place,
        /// The bytes that it holds.
        digest: Digest,
    },
    /// The parking store took an event behind a dead letter, or until its next attempt.
    Parked {
        /// Where it stands.
        place: Place,
        /// Its aggregate, where it has one.
        key: Option<AggregateKey>,
        /// The bytes that were parked.
        digest: Digest,
    },
    /// The store handed an entry to the owner of its partition, to be handled again. The entry stays until it has left.
    Redriven {
        /// Where it stood.
        place: Place,
    },
    /// An entry failed again, and stays.
    Returned {
        /// Where it stood.
        place: Place,
        /// What it died of; none where it waits for its next attempt.
        dead: Option<DeathCause>,
    },
    /// An entry left the store.
    Left {
        /// Where it stood.
        place: Place,
        /// Whether its owner says that it was handled; else an operator let it go.
        handled: bool,
    },
    /// An operator changed an entry.
    Edited {
        /// Where it stands.
        place: Place,
        /// Its bytes from now on.
        digest: Digest,
    },
    /// A commit was sent, also one inside a release or a close.
    Committed {
        /// The bus.
        member: MemberId,
        /// The partition, for its group.
        scope: Scope,
        /// The epoch in which the work was done.
        epoch: Epoch,
        /// Everything before this point is finished, it says.
        resume: Resume,
    },
    /// The broker confirmed a commit.
    CommitStored {
        /// The partition, for its group.
        scope: Scope,
        /// What is stored at least.
        resume: Resume,
    },
    /// A session reported a range that the broker deleted.
    GapReported {
        /// The partition, for its group.
        scope: Scope,
        /// Where reading would have gone on.
        from: Resume,
        /// Where it goes on.
        to: Resume,
    },
    /// The broker deleted the head of a partition.
    Deleted {
        /// The topic.
        topic: TopicName,
        /// The partition.
        partition: PartitionNumber,
        /// Everything before this point is gone.
        upto: Resume,
    },
    /// A handler's write became visible.
    EffectApplied {
        /// Where its event stands.
        place: Place,
        /// The event.
        id: EventId,
        /// The aggregate.
        key: AggregateKey,
    },
    /// A transaction with an outbox row committed.
    OutboxCommitted {
        /// The event.
        id: EventId,
        /// Its aggregate.
        key: AggregateKey,
        /// Its number in the aggregate.
        version: AggregateVersion,
    },
    /// A transaction with an outbox row rolled back.
    OutboxRolledBack {
        /// The event.
        id: EventId,
    },
    /// A relay died.
    RelayCrashed,
    /// A subscription changed its mode.
    RecoverySwitched {
        /// Its group.
        group: GroupId,
        /// The mode before.
        from: RecoveryMode,
        /// The mode from now on.
        to: RecoveryMode,
    },
    /// At rest, a transaction of ours was found open.
    TransactionLeftOpen {
        /// Whose, in words.
        about: String,
    },
    /// At rest, a permit was found missing.
    PermitLost {
        /// Whose, in words.
        about: String,
    },
    /// A bus was asked to shut down.
    Signalled {
        /// The bus.
        member: MemberId,
        /// By when it is to be closed.
        deadline: Monotonic,
    },
    /// A bus is closed.
    Closed {
        /// The bus.
        member: MemberId,
    },
    /// A closed bus was asked to publish.
    PublishAfterClose {
        /// The bus.
        member: MemberId,
        /// Whether it took the event.
        accepted: bool,
    },
    /// A connection broke.
    ConnectionDown {
        /// Where it leads to.
        link: Link,
    },
    /// A connection stands again.
    ConnectionUp {
        /// Where it leads to.
        link: Link,
    },
    /// Readiness was asked for.
    HealthSampled {
        /// The answer.
        ready: bool,
    },
    /// Lag was asked for, and counted.
    LagSampled {
        /// The answer, in events.
        reported: u64,
        /// The truth, in events.
        actual: u64,
    },
    /// Memory was measured.
    MemorySampled {
        /// The bytes in use.
        bytes: u64,
    },
    /// A rate was measured.
    RateSampled {
        /// What it was measured beside.
        load: Load,
        /// Events per second of the aggregates that are in health.
        per_second: u64,
    },
    /// A handler blocks its thread from now on.
    ThreadBlocked {
        /// The bus.
        member: MemberId,
    },
    /// The watchdog named a blocked thread.
    BlockNamed {
        /// The bus.
        member: MemberId,
    },
}

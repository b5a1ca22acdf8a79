//! Planted bugs, to see that the suites catch them.
//!
//! Without the feature `sabotage` nothing of this is in the program: every question is a constant `false`. With it, a bug
//! is planted for the thread that asks, so tests on one thread each have their own.

use laneway_domain::{Body, Envelope, EventId};

/// A bug that some suite has to catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bug {
    /// A commit passes events that are not finished.
    CommitPassesUnfinished,
    /// A lane stays open while its head waits for the next attempt.
    LaneOpenDuringRetry,
    /// What finished in an older epoch settles events of the current one.
    OldEpochSettles,
    /// The position of a dead letter is finished before the store has the entry.
    DeadLetterAfterCommit,
    /// Two aggregates with one hash share a lane.
    LanesShareAHash,
    /// A handler that panics counts as done.
    PanicCountsAsDone,
    /// Settled events do not give their credit back.
    CreditLeaks,
    /// An event that is delivered twice in one epoch starts twice.
    RedeliveryStartsTwice,
    /// The lane of a run that outlived its tenure opens before that run has ended.
    GhostLaneOpensEarly,
    /// A shutdown commits what was still running.
    ShutdownLosesInFlight,
    /// Entries come back from the dead-letter store in another order than they went.
    FollowerBeforeParkedHead,
    /// A redelivered event that is in the dead-letter store is parked again.
    RedeliveredParksAgain,
    /// What arrives for a parked aggregate queues in memory, where its redrive finds it ahead.
    UnparkRacesLive,
    /// Attempts count while the breaker holds starts back.
    BreakerCountsAttempts,
    /// Whoever was named beside an event that killed its process is blamed for it.
    ProbationBlamesAnInnocent,
    /// While a subscription recovers, its events have no lanes.
    RecoverySwitchReorders,
    /// The events of one read go to their workers in the opposite order.
    BatchReorders,
    /// The position of a parked event is finished before the store has it.
    SettledBeforeParked,
    /// An event goes into the dead-letter store without its bytes.
    DeadLetterLosesBytes,
    /// An event comes back from the dead-letter store under another id.
    RedriveChangesIdentity,
    /// An attempt that runs out of time keeps its permit.
    PermitLeaks,
    /// What a guarded handler publishes does not say how far it has come.
    HopsNotCarried,
    /// An event is recorded as handled before it is.
    RecordedBeforeHandled,
    /// The answers for the events of a batch go to their neighbours.
    BatchAnswersShift,
    /// A rate gives out twice its burst.
    BurstIsTwice,
}

impl Bug {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::CommitPassesUnfinished,
        Self::LaneOpenDuringRetry,
        Self::OldEpochSettles,
        Self::DeadLetterAfterCommit,
        Self::LanesShareAHash,
        Self::PanicCountsAsDone,
        Self::CreditLeaks,
        Self::RedeliveryStartsTwice,
        Self::GhostLaneOpensEarly,
        Self::ShutdownLosesInFlight,
        Self::FollowerBeforeParkedHead,
        Self::RedeliveredParksAgain,
        Self::UnparkRacesLive,
        Self::BreakerCountsAttempts,
        Self::ProbationBlamesAnInnocent,
        Self::RecoverySwitchReorders,
        Self::BatchReorders,
        Self::SettledBeforeParked,
        Self::DeadLetterLosesBytes,
        Self::RedriveChangesIdentity,
        Self::PermitLeaks,
        Self::HopsNotCarried,
        Self::RecordedBeforeHandled,
        Self::BatchAnswersShift,
        Self::BurstIsTwice,
    ];
}

/// An event on its way into the dead-letter store: as it is, unless the bug is planted that takes its bytes.
#[inline]
pub(crate) fn stored(body: Body) -> Body {
    match body {
        Body::Event(event) if is_planted(Bug::DeadLetterLosesBytes) => {
            let bare = Envelope::new(event.topic().clone(), "");
            let bare = event.aggregate().cloned().into_iter().fold(bare, Envelope::with_aggregate);
            Body::Event(event.id().into_iter().fold(bare, Envelope::with_id))
        }
        body => body,
    }
}

/// An event on its way back from there: as it is, unless the bug is planted that names it anew.
#[inline]
pub(crate) fn returned(body: Body) -> Body {
    match body {
        Body::Event(event) if is_planted(Bug::RedriveChangesIdentity) => {
            let another =
                event.id().and_then(|id| EventId::new(uuid::Uuid::from_u128(id.uuid().as_u128() + 1)));
            Body::Event(another.into_iter().fold(event, Envelope::with_id))
        }
        body => body,
    }
}

#[cfg(feature = "sabotage")]
mod planted {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Keeps a bug planted on this thread until it is dropped.
    #[derive(Debug)]
    pub struct Plant(Option<Bug>);

    impl Drop for Plant {
        fn drop(&mut self) {
            PLANTED.set(self.0);
        }
    }

    /// Plants a bug on this thread.
    #[must_use]
    pub fn plant(bug: Bug) -> Plant {
        Plant(PLANTED.replace(Some(bug)))
    }

    #[inline]
    pub(crate) fn is_planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "sabotage")]
pub(crate) use planted::is_planted;
#[cfg(feature = "sabotage")]
pub use planted::{Plant, plant};

#[cfg(not(feature = "sabotage"))]
#[inline]
pub(crate) const fn is_planted(_bug: Bug) -> bool {
    false
}

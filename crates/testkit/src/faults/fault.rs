//! What can go wrong.

/// Something that a broker, a network, a store or a process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A publish takes time before it reaches the broker.
    PublishDelay,
    /// A batch, or its end, finds no room: `Busy`, and not stored.
    PublishBusy,
    /// A batch, or its end, does not reach the broker: `Unavailable`, and not stored.
    PublishUnavailable,
    /// A batch is stored, and the answers for it or for its end are lost: `Unknown`.
    PublishAnswerLost,
    /// A session cannot be opened: `Unavailable`.
    OpenRefused,
    /// A batch arrives late; those of other partitions overtake it.
    BatchDelay,
    /// A batch arrives a second time in its epoch. The contract forbids it, and the core takes it all the same.
    BatchAgain,
    /// A checkpoint is not stored, and may be later: `Retry`.
    CommitRefused,
    /// The connection breaks: the membership is dropped, and the session fails; it may be opened again.
    Disconnect,
    /// The session loses all partitions at once, and fails later.
    Lost,
    /// The permission to start handlers runs out, and comes back later.
    Pause,
    /// The membership is dropped at a named point, and the session fails; it may be opened again.
    Crash(Crash),
    /// An entry takes time before it reaches the store.
    LetterDelay,
    /// The store refuses an entry: `Unavailable`, and not stored.
    LetterRefused,
    /// An entry is stored, and the answer is lost: `Unknown`.
    LetterAnswerLost,
    /// Somebody else claims what is parked of a partition, and does nothing with it.
    LetterFenced,
}

/// A point in a session's life at which it may crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Crash {
    /// A partition was assigned, and is not started.
    BeforeStart,
    /// A batch was handed out.
    OnBatch,
    /// A commit was asked for, and not sent.
    BeforeCommit,
    /// A commit was sent; its answer never comes.
    AfterCommit,
    /// A revocation was answered, and the answer not sent.
    BeforeRelease,
    /// A revocation was answered.
    AfterRelease,
    /// A close was asked for, and not sent.
    BeforeClose,
}

impl Crash {
    /// Every point.
    pub const ALL: [Self; 7] = [
        Self::BeforeStart,
        Self::OnBatch,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeRelease,
        Self::AfterRelease,
        Self::BeforeClose,
    ];
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 22] = [
        Self::PublishDelay,
        Self::PublishBusy,
        Self::PublishUnavailable,
        Self::PublishAnswerLost,
        Self::OpenRefused,
        Self::BatchDelay,
        Self::BatchAgain,
        Self::CommitRefused,
        Self::Disconnect,
        Self::Lost,
        Self::Pause,
        Self::Crash(Crash::BeforeStart),
        Self::Crash(Crash::OnBatch),
        Self::Crash(Crash::BeforeCommit),
        Self::Crash(Crash::AfterCommit),
        Self::Crash(Crash::BeforeRelease),
        Self::Crash(Crash::AfterRelease),
        Self::Crash(Crash::BeforeClose),
        Self::LetterDelay,
        Self::LetterRefused,
        Self::LetterAnswerLost,
        Self::LetterFenced,
    ];
}

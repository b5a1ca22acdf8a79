//! Why the job breaks off.

use std::io;
use std::time::Duration;

use hdrhistogram::errors::{AdditionError, CreationError};
use laneway::BuildError;
use laneway::consume::SubscriptionError;
use laneway::domain::{DeskError, Invalid, PublishError, StoreError};
use thiserror::Error;

use super::watch::Standing;
use crate::job::events::PayloadError;
use crate::job::state::SplitAircraft;

/// Why the job breaks off.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// There is no runtime.
    #[error("the runtime does not start")]
    Runtime(#[from] io::Error),
    /// The bus refuses its settings.
    #[error("the bus refuses its settings")]
    Build(#[from] BuildError),
    /// A group does not begin.
    #[error("a group does not begin")]
    Subscribe(#[from] SubscriptionError),
    /// A name breaks a rule of the bus.
    #[error("the bus does not take a name")]
    Name(#[from] Invalid),
    /// An event does not become bytes.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The bus did not take an event.
    #[error("an event was not published")]
    Publish(#[from] PublishError),
    /// Nothing moves.
    #[error("nothing has moved for {patience:?}; {standing}")]
    Stalled {
        /// For how long.
        patience: Duration,
        /// How the groups stand.
        standing: Box<Standing>,
    },
    /// A group ended before its work.
    #[error("the group `{group}` has ended: {reason}")]
    Ended {
        /// The group.
        group: &'static str,
        /// Why.
        reason: String,
    },
    /// The dead letters cannot be asked for again.
    #[error("nothing of the dead-letter store was redriven")]
    Redrive(#[from] DeskError),
    /// The dead letters cannot be asked for at all.
    #[error("the dead-letter store has no desk")]
    NoDesk,
    /// The dead letters cannot be read.
    #[error("the dead letters cannot be read")]
    Letters(#[from] StoreError),
    /// The parts of the tables do not fit together.
    #[error(transparent)]
    Split(#[from] SplitAircraft),
    /// There is no histogram.
    #[error("there is no histogram of latencies")]
    Histogram(#[from] CreationError),
    /// The parts of the histogram do not fit together.
    #[error("the latencies do not add up")]
    Latency(#[from] AdditionError),
}

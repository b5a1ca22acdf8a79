//! One look at how far a group is behind.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use laneway_domain::{BacklogChecker, BacklogError, Clock, PartitionLag, TopicName};

use super::settings::BacklogWatch;

/// What a look found.
pub(crate) struct Look {
    /// A row for each partition.
    pub(crate) rows: Vec<PartitionLag>,
    /// Topics that do not exist.
    pub(crate) missing: Vec<TopicName>,
}

/// Asks the broker about one group, within a time limit; why there is no answer, where there is none. An adapter that panics spoils
/// nothing else.
pub(crate) async fn look(
    checker: &dyn BacklogChecker,
    watch: &BacklogWatch,
    clock: &dyn Clock,
    limit: Duration,
) -> Result<Look, String> {
    let until = clock.monotonic() + limit;
    let asked = std::pin::pin!(AssertUnwindSafe(ask(checker, watch)).catch_unwind());
    let error = match select(asked, clock.wake_at(until)).await {
        Either::Left((Ok(Ok(look)), _)) => return Ok(look),
        Either::Left((Ok(Err(error)), _)) => error.to_string(),
        Either::Left((Err(_), _)) => "the backlog checker panicked".to_owned(),
        Either::Right(_) => format!("no answer within {limit:?}"),
    };
    tracing::warn!(group = %watch.group, error, "the backlog cannot be told");
    Err(error)
}

async fn ask(checker: &dyn BacklogChecker, watch: &BacklogWatch) -> Result<Look, BacklogError> {
    let (mut topics, mut missing) = (watch.topics.clone(), Vec::new());
    loop {
        match checker.backlog(&watch.group, &topics).await {
            Ok(rows) => return Ok(Look { rows, missing }),
            Err(BacklogError::UnknownTopic(name)) if topics.contains(&name) => {
                topics.retain(|topic| *topic != name);
                missing.push(name);
            }
            Err(error) => return Err(error),
        }
    }
}

//! What a batch handler answers, event by event.

use std::fmt;
use std::sync::Arc;

use laneway_domain::{ErrorClass, HandlerError};
use thiserror::Error;

use crate::sabotage::{Bug, is_planted};

/// The answers for the events of a batch, by their index in it.
///
/// ```
/// # use laneway_application::route::BatchOutcome;
/// # use laneway_domain::HandlerError;
/// let mut but_the_third = BatchOutcome::all_done();
/// but_the_third.fail(2, HandlerError::retryable("its row is locked"));
/// let one_by_one: BatchOutcome = [Ok(()), Err(HandlerError::fatal("no such customer"))].into_iter().collect();
/// # let _ = one_by_one;
/// ```
///
/// An answer that does not fit is a [`BatchFault`] of the event that it leaves open: given twice, or not at all. One for
/// an event that is not in the batch names nobody; then "all done" is not believed, and every event without an answer of
/// its own fails. What was answered properly counts.
#[derive(Debug)]
pub struct BatchOutcome {
    rest_is_done: bool,
    answers: Vec<(usize, Result<(), HandlerError>)>,
}

/// An answer that breaks the contract of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchFault {
    /// An answer was for an event that is not in the batch, so nobody knows which one it meant.
    #[error("the batch handler answered for event {index} of a batch of {len}")]
    NotGiven {
        /// The index that was answered for.
        index: usize,
        /// The events of the batch.
        len: usize,
    },
    /// The event got two answers.
    #[error("the batch handler answered twice for event {index}")]
    Twice {
        /// The event.
        index: usize,
    },
    /// The event got no answer.
    #[error("the batch handler gave no answer for event {index}")]
    Missing {
        /// The event.
        index: usize,
    },
}

/// The failure of a whole batch, as each of its events sees it: they share the cause.
#[derive(Clone)]
pub struct BatchFailed(Arc<HandlerError>);

impl fmt::Debug for BatchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BatchFailed").field(self.0.cause()).finish()
    }
}

impl fmt::Display for BatchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the batch failed")
    }
}

impl std::error::Error for BatchFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.cause())
    }
}

impl BatchFailed {
    /// The same failure, with the same class, for each of `len` events.
    pub(super) fn for_each(error: HandlerError, len: usize) -> Vec<Result<(), HandlerError>> {
        let class: Option<ErrorClass> = error.class();
        let failed = Self(Arc::new(error));
        (0..len).map(|_| Err(HandlerError::new(class, failed.clone()))).collect()
    }
}

impl BatchOutcome {
    /// Every event is done, but those that [`fail`](Self::fail) names.
    #[must_use]
    pub const fn all_done() -> Self {
        Self { rest_is_done: true, answers: Vec::new() }
    }

    /// Each event needs an answer of its own.
    #[must_use]
    pub const fn one_by_one() -> Self {
        Self { rest_is_done: false, answers: Vec::new() }
    }

    /// The event at `index` is done.
    pub fn done(&mut self, index: usize) {
        self.answers.push((index, Ok(())));
    }

    /// The event at `index` failed.
    pub fn fail(&mut self, index: usize, error: impl Into<HandlerError>) {
        self.answers.push((index, Err(error.into())));
    }

    /// One answer for each of `len` events.
    pub(super) fn settle(self, len: usize) -> Vec<Result<(), HandlerError>> {
        let mut settled: Vec<Option<Result<(), HandlerError>>> = Vec::new();
        settled.resize_with(len, || None);
        let mut stranger = None;
        for (index, answer) in self.answers {
            match settled.get_mut(index) {
                None => stranger = Some(BatchFault::NotGiven { index, len }),
                Some(open @ None) => *open = Some(answer),
                Some(given) => *given = Some(Err(BatchFault::Twice { index }.into())),
            }
        }
        let rest = |index: usize| match stranger {
            Some(stranger) => Err(stranger.into()),
            None if self.rest_is_done => Ok(()),
            None => Err(BatchFault::Missing { index }.into()),
        };
        if is_planted(Bug::BatchAnswersShift) {
            settled.rotate_left(usize::from(len > 1));
        }
        settled.into_iter().enumerate().map(|(index, answer)| answer.unwrap_or_else(|| rest(index))).collect()
    }
}

impl FromIterator<Result<(), HandlerError>> for BatchOutcome {
    /// One answer for each event, in the order of the batch.
    fn from_iter<I: IntoIterator<Item = Result<(), HandlerError>>>(answers: I) -> Self {
        Self { rest_is_done: false, answers: answers.into_iter().enumerate().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(answer: &Result<(), HandlerError>) -> Option<BatchFault> {
        answer.as_ref().err().and_then(|error| error.cause().downcast_ref().copied())
    }

    #[test]
    fn an_answer_given_twice_fails_its_event_alone() {
        let mut outcome = BatchOutcome::all_done();
        outcome.done(1);
        outcome.done(1);
        let settled = outcome.settle(3);
        assert_eq!(fault(&settled[1]), Some(BatchFault::Twice { index: 1 }));
        assert!(settled[0].is_ok() && settled[2].is_ok());
    }

    #[test]
    fn a_missing_answer_fails_its_event_alone() {
        let mut outcome = BatchOutcome::one_by_one();
        outcome.done(0);
        let settled = outcome.settle(2);
        assert!(settled[0].is_ok());
        assert_eq!(fault(&settled[1]), Some(BatchFault::Missing { index: 1 }));
        let short = [Ok(())].into_iter().collect::<BatchOutcome>().settle(2);
        assert_eq!(fault(&short[1]), Some(BatchFault::Missing { index: 1 }));
    }

    #[test]
    fn an_answer_for_a_stranger_fails_whoever_has_none_of_its_own() {
        let mut outcome = BatchOutcome::all_done();
        outcome.done(0);
        outcome.fail(7, HandlerError::fatal("which one?"));
        let settled = outcome.settle(3);
        let stranger = Some(BatchFault::NotGiven { index: 7, len: 3 });
        assert!(settled[0].is_ok());
        assert_eq!((fault(&settled[1]), fault(&settled[2])), (stranger, stranger));
    }

    #[test]
    fn the_failure_of_a_batch_keeps_class_and_cause_for_each_event() {
        let error = HandlerError::fatal(std::io::Error::other("the table is gone"));
        for answer in BatchFailed::for_each(error, 2) {
            let error = answer.unwrap_err();
            assert_eq!(error.class(), Some(ErrorClass::Fatal));
            let words = laneway_domain::chain(error.cause());
            assert_eq!(words, ["the batch failed", "the table is gone"]);
        }
    }
}

//! The rule for unknown types.

use laneway_domain::HandlerError;

use super::error::RouteError;

/// What becomes of an event of a type that no handler takes.
///
/// An unknown version of a known type is always a dead letter: this program cannot read it, and one that can may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// A dead letter: nothing is lost without a word.
    #[default]
    DeadLetter,
    /// It is acknowledged and forgotten.
    Skip,
    /// A failed attempt that is repeated: for a topic on which only known types may stand.
    Fail,
}

impl Unknown {
    #[cold]
    pub(super) fn answer(self, error: RouteError) -> Result<(), HandlerError> {
        match (self, &error) {
            (Self::Skip, RouteError::UnknownType { .. }) => Ok(()),
            (Self::Fail, RouteError::UnknownType { .. }) => Err(HandlerError::retryable(error)),
            _ => Err(HandlerError::fatal(error)),
        }
    }
}

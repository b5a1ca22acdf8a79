//! Which failures are worth another attempt.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use laneway_domain::{ErrorClass, HandlerError};

/// One failed attempt.
#[derive(Debug)]
pub struct Failure {
    /// How it failed.
    pub kind: FailureKind,
    /// The error, where the handler returned one.
    pub error: Option<HandlerError>,
    /// What to say of it.
    pub words: Vec<String>,
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The handler returned an error.
    Error,
    /// The handler panicked.
    Panic,
    /// The processing time was over.
    Timeout,
    /// The record does not decode.
    Undecodable,
    /// Its process crashed, more than once, while nothing else ran in it.
    Crash,
}

type Rule = Arc<dyn Fn(&HandlerError) -> Option<ErrorClass> + Send + Sync>;

/// Decides the class of errors that have none, by their type and never by their text.
///
/// Asked in this order: the handler's own word, the rules in the order they were added, then `Retryable`. A panic or
/// a timeout is retryable; a record that does not decode is fatal.
///
/// ```
/// use laneway_application::policy::Classifier;
/// use laneway_domain::ErrorClass;
/// let classifier = Classifier::new().on::<std::num::ParseIntError>(|_| ErrorClass::Fatal);
/// let error = "x".parse::<u8>().unwrap_err();
/// assert_eq!(classifier.class_of(&error.into()), ErrorClass::Fatal);
/// ```
#[derive(Clone, Default)]
pub struct Classifier {
    rules: Vec<(&'static str, Rule)>,
}

impl Classifier {
    /// No rules: errors without a class are retryable.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule for errors of type `E`, also as a source further down the chain.
    #[must_use]
    pub fn on<E: std::error::Error + 'static>(
        mut self,
        rule: impl Fn(&E) -> ErrorClass + Send + Sync + 'static,
    ) -> Self {
        let by_type = move |error: &HandlerError| {
            let first: &(dyn std::error::Error + 'static) = error.cause();
            std::iter::successors(Some(first), |e| e.source()).find_map(|e| e.downcast_ref::<E>()).map(&rule)
        };
        self.rules.push((type_name::<E>(), Arc::new(by_type)));
        self
    }

    /// Adds a rule for any error; `None` leaves it to the next rule.
    #[must_use]
    pub fn with(
        mut self,
        rule: impl Fn(&HandlerError) -> Option<ErrorClass> + Send + Sync + 'static,
    ) -> Self {
        self.rules.push(("any error", Arc::new(rule)));
        self
    }

    /// The class of an error.
    #[must_use]
    pub fn class_of(&self, error: &HandlerError) -> ErrorClass {
        let by_rule = || self.rules.iter().find_map(|(_, rule)| rule(error));
        error.class().or_else(by_rule).unwrap_or(ErrorClass::Retryable)
    }

    /// The class of a failure. A rule that panics counts as not there: the failure is retryable.
    pub(crate) fn class(&self, failure: &Failure) -> ErrorClass {
        match (failure.kind, &failure.error) {
            (FailureKind::Undecodable | FailureKind::Crash, _) => ErrorClass::Fatal,
            (_, None) => ErrorClass::Retryable,
            (_, Some(error)) => {
                crate::guard::guarded(|| self.class_of(error)).unwrap_or(ErrorClass::Retryable)
            }
        }
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(|(of, _)| of)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn the_handlers_word_comes_first_then_the_rules_then_retryable() {
        let classifier = Classifier::new()
            .on::<io::Error>(|_| ErrorClass::Fatal)
            .with(|error| error.cause().is::<fmt::Error>().then_some(ErrorClass::Fatal));
        let io = || io::Error::other("x");
        assert_eq!(classifier.class_of(&HandlerError::retryable(io())), ErrorClass::Retryable);
        assert_eq!(classifier.class_of(&HandlerError::from(io())), ErrorClass::Fatal);
        assert_eq!(classifier.class_of(&fmt::Error.into()), ErrorClass::Fatal);
        assert_eq!(classifier.class_of(&HandlerError::new(None, "?")), ErrorClass::Retryable);
    }

    #[test]
    fn a_rule_that_panics_leaves_the_failure_retryable() {
        let classifier = Classifier::new().with(|_| panic!("in a rule"));
        let failure =
            Failure { kind: FailureKind::Error, error: Some(HandlerError::new(None, "?")), words: vec![] };
        assert_eq!(classifier.class(&failure), ErrorClass::Retryable);
    }
}

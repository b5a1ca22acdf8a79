//! What failed of several handlers, as one error.

use laneway_domain::{Cause, ErrorClass, HandlerError, HandlerMask};

/// What failed of the handlers that an event was due for.
#[derive(Debug)]
pub struct HandlersFailed {
    failed: Vec<(Vec<String>, Cause)>,
    decisive: usize,
}

impl HandlersFailed {
    /// The names of handlers that failed, with why.
    pub fn failed(&self) -> impl Iterator<Item = (&[String], &(dyn std::error::Error + 'static))> {
        self.failed.iter().map(|(names, cause)| (&**names, &**cause as &(dyn std::error::Error + 'static)))
    }
}

impl std::fmt::Display for HandlersFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let [(names, _)] = &*self.failed {
            // What it says comes next, as the source.
            return write!(f, "`{}` failed", names.join("`, `"));
        }
        for (at, (names, cause)) in self.failed.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            write!(f, "{comma}`{}` failed: {cause}", names.join("`, `"))?;
        }
        Ok(())
    }
}

impl std::error::Error for HandlersFailed {
    /// The error that decides about another attempt.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.failed.get(self.decisive)?.1)
    }
}

/// Failures as they come in.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<(HandlerMask, HandlerError)>);

impl Failures {
    pub(super) fn add(&mut self, handlers: HandlerMask, error: impl Into<HandlerError>) {
        self.0.push((handlers, error.into()));
    }

    /// One error for all of them. It may pass as long as one of them may: the others are then tried again too.
    pub(super) fn into_result(self, name: impl Fn(usize) -> String) -> Result<(), HandlerError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (decisive, class) = self.decisive();
        let due = self.0.iter().fold(HandlerMask::NONE, |due, (handlers, _)| due.or(*handlers));
        let named = |(handlers, error): (HandlerMask, HandlerError)| {
            (handlers.iter().map(&name).collect(), error.into_cause())
        };
        let failed = self.0.into_iter().map(named).collect();
        Err(HandlerError::new(class, HandlersFailed { failed, decisive }).with_due(due))
    }

    /// The failure that decides: one that may pass, else one whose class the subscription's classifier finds.
    fn decisive(&self) -> (usize, Option<ErrorClass>) {
        let classes = [Some(ErrorClass::Retryable), None];
        let found = classes
            .into_iter()
            .find_map(|class| Some((self.0.iter().position(|(_, error)| error.class() == class)?, class)));
        found.unwrap_or((0, Some(ErrorClass::Fatal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(errors: Vec<HandlerError>) -> HandlerError {
        let mut failures = Failures::default();
        for (number, error) in errors.into_iter().enumerate() {
            failures.add(HandlerMask::of([number]), error);
        }
        failures.into_result(|number| format!("h{number}")).unwrap_err()
    }

    #[test]
    fn one_that_may_pass_decides_then_one_without_a_class() {
        let (fatal, open) = (|| HandlerError::fatal("no"), || HandlerError::from(std::fmt::Error));
        let retryable = || HandlerError::retryable("later");
        for (errors, class, source) in [
            (vec![fatal(), open(), retryable()], Some(ErrorClass::Retryable), "later"),
            (vec![fatal(), open()], None, "an error occurred when formatting an argument"),
            (vec![fatal(), fatal()], Some(ErrorClass::Fatal), "no"),
        ] {
            let error = joined(errors);
            assert_eq!(error.class(), class);
            assert_eq!(error.cause().source().unwrap().to_string(), source);
        }
    }

    #[test]
    fn all_that_failed_stay_due_and_are_named() {
        let error = joined(vec![HandlerError::fatal("no"), HandlerError::retryable("later")]);
        assert_eq!(error.due(), HandlerMask::of([0, 1]));
        assert_eq!(error.cause().to_string(), "`h0` failed: no; `h1` failed: later");
        assert_eq!(joined(vec![HandlerError::fatal("no")]).cause().to_string(), "`h0` failed");
    }
}

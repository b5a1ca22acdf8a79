//! What an attempt came to, and what a test wants of it.

use std::fmt;

use laneway_domain::{DeathCause, Envelope, Event, Handler};

use super::difference::{difference, shown};
use super::given::Given;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler said `Ok`.
    Handled,
    /// It failed, and is tried again.
    Retries {
        /// The messages of the error and its sources, outermost first.
        errors: Vec<String>,
    },
    /// It failed, and the event is a dead letter.
    Dead {
        /// Why.
        cause: DeathCause,
        /// The messages of the error and its sources, outermost first.
        errors: Vec<String>,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handled => f.write_str("it was handled"),
            Self::Retries { errors } => write!(f, "it failed and is tried again: {}", errors.join(": ")),
            Self::Dead { cause: DeathCause::Exhausted, errors } => {
                write!(f, "it is a dead letter, its attempts are used up: {}", errors.join(": "))
            }
            Self::Dead { errors, .. } => write!(f, "it is a dead letter: {}", errors.join(": ")),
        }
    }
}

/// What one attempt came to, and what was published meanwhile. Each expectation panics, with both sides, where it is not
/// met; [`when`](Self::when) goes on with the next event.
pub struct Then<H> {
    pub(super) given: Given<H>,
    pub(super) event: Event,
    pub(super) attempt: u32,
    pub(super) outcome: Outcome,
    pub(super) published: Vec<Envelope>,
}

impl<H> Then<H> {
    /// Expects that the event was handled.
    ///
    /// # Panics
    /// Where it was not.
    #[track_caller]
    pub fn then_ok(self) -> Self {
        self.expect("it is handled", |outcome| *outcome == Outcome::Handled)
    }

    /// Expects that the attempt failed and the event is tried again.
    ///
    /// # Panics
    /// Where it is not.
    #[track_caller]
    pub fn then_retries(self) -> Self {
        self.expect("it fails and is tried again", |outcome| matches!(outcome, Outcome::Retries { .. }))
    }

    /// Expects that the event is a dead letter, whose error or one of its sources contains `words`.
    ///
    /// # Panics
    /// Where it is not.
    #[track_caller]
    pub fn then_dead(self, words: &str) -> Self {
        let says = |outcome: &Outcome| match outcome {
            Outcome::Dead { errors, .. } => errors.iter().any(|error| error.contains(words)),
            Outcome::Handled | Outcome::Retries { .. } => false,
        };
        self.expect(&format!("it is a dead letter that says `{words}`"), says)
    }

    /// Expects that the attempt published these events, in this order, and no others.
    ///
    /// Topic, aggregate, tenant, type, schema version and payload are compared; ids, versions, times, correlation,
    /// causation, trace and headers only where the expected event names them.
    ///
    /// # Panics
    /// Where it published others.
    #[track_caller]
    pub fn then_published(self, expected: impl IntoIterator<Item = Envelope>) -> Self {
        let expected: Vec<_> = expected.into_iter().collect();
        if let Some(lines) = difference(&expected, &self.published) {
            panic!("other events were published than expected:\n{lines}{}", self.scene());
        }
        self
    }

    /// Expects that the attempt published nothing.
    ///
    /// # Panics
    /// Where it published something.
    #[track_caller]
    pub fn then_published_nothing(self) -> Self {
        self.then_published([])
    }

    /// What became of the attempt.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What the attempt published, in order.
    #[must_use]
    pub fn published(&self) -> &[Envelope] {
        &self.published
    }

    #[track_caller]
    fn expect(self, expected: &str, met: impl Fn(&Outcome) -> bool) -> Self {
        if !met(&self.outcome) {
            panic!("expected: {expected}\n   found: {}\n{}", self.outcome, self.scene());
        }
        self
    }

    fn scene(&self) -> String {
        format!("  event: {}, attempt {}", shown(&self.event), self.attempt)
    }
}

impl<H: Handler> Then<H> {
    /// Runs an attempt at another event, with the same handler.
    ///
    /// # Panics
    /// As [`Given::when`].
    pub async fn when(self, event: Envelope) -> Self {
        self.given.when(event).await
    }

    /// The handler, to go on with.
    #[must_use]
    pub fn again(self) -> Given<H> {
        self.given
    }
}

impl<H> fmt::Debug for Then<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Then");
        debug.field("outcome", &self.outcome).field("published", &self.published).finish_non_exhaustive()
    }
}

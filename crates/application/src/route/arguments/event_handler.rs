//! Async functions as handlers.

use laneway_domain::{EventKind, HandlerError};

use super::argument::Argument;
use super::error::ArgumentError;
use super::given::Given;

/// An async function or closure of one to eight [`Argument`]s that returns `Result<(), HandlerError>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle events with the state `{S}`",
    label = "not an event handler",
    note = "an event handler is an async function of one to eight arguments, each an `Argument<{S}>`, that returns `Result<(), HandlerError>`",
    note = "arguments are `Typed<E>` of a domain event, `Event`, `Headers`, `Attempt`, `State<{S}>`, ids such as `AggregateId` and `TenantId`, and `Option` of an id"
)]
pub trait EventHandler<A, S>: Send + Sync + 'static {
    /// One attempt.
    type Future: Future<Output = Result<(), HandlerError>> + Send + 'static;
    /// The events that each argument reads.
    const KINDS: &'static [&'static [EventKind]];

    /// Takes the arguments and begins an attempt.
    ///
    /// # Errors
    /// [`ArgumentError`] where one is not there.
    fn start(&self, given: &Given<'_>, state: &S) -> Result<Self::Future, ArgumentError>;
}

macro_rules! event_handler {
    ($($type:ident $name:ident $number:literal),*) => {
        impl<F, Fut, S, $($type),*> EventHandler<($($type,)*), S> for F
        where
            F: Fn($($type),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
            $($type: Argument<S>,)*
        {
            type Future = Fut;
            const KINDS: &'static [&'static [EventKind]] = &[$($type::KINDS),*];

            #[inline]
            fn start(&self, given: &Given<'_>, state: &S) -> Result<Fut, ArgumentError> {
                $(
                    let $name = match $type::take(given, state) {
                        Ok(argument) => argument,
                        Err(fault) => return Err(ArgumentError::new::<$type>($number, fault)),
                    };
                )*
                Ok(self($($name),*))
            }
        }
    };
}

event_handler!(A a 1);
event_handler!(A a 1, B b 2);
event_handler!(A a 1, B b 2, C c 3);
event_handler!(A a 1, B b 2, C c 3, D d 4);
event_handler!(A a 1, B b 2, C c 3, D d 4, E e 5);
event_handler!(A a 1, B b 2, C c 3, D d 4, E e 5, G g 6);
event_handler!(A a 1, B b 2, C c 3, D d 4, E e 5, G g 6, H h 7);
event_handler!(A a 1, B b 2, C c 3, D d 4, E e 5, G g 6, H h 7, I i 8);

/// Whether at most one argument reads the payload: two of different types could never both be there.
pub(crate) const fn at_most_one_payload(kinds: &[&[EventKind]]) -> bool {
    payloads(kinds) <= 1
}

/// Whether an argument reads the payload.
pub(crate) const fn at_least_one_payload(kinds: &[&[EventKind]]) -> bool {
    payloads(kinds) >= 1
}

const fn payloads(kinds: &[&[EventKind]]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < kinds.len() {
        if !kinds[at].is_empty() {
            count += 1;
        }
        at += 1;
    }
    count
}

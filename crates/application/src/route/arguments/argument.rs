//! What an event handler may take.

use laneway_domain::EventKind;

use super::error::ArgumentFault;
use super::given::Given;

/// What an event handler may take: a value that is found in the given, or in the state `S`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no argument of an event handler whose state is `{S}`",
    label = "not an argument",
    note = "arguments are `Typed<E>` of a domain event, `Event`, `Headers`, `Attempt`, `State<{S}>`, ids such as `AggregateId` and `TenantId`, and `Option` of an id"
)]
pub trait Argument<S>: Sized {
    /// The events that the argument reads; none where it does not look at the payload.
    const KINDS: &'static [EventKind] = &[];

    /// Takes it.
    ///
    /// # Errors
    /// [`ArgumentFault`] where it is not there. Trying again does not help, so the event becomes a dead letter.
    fn take(given: &Given<'_>, state: &S) -> Result<Self, ArgumentFault>;
}

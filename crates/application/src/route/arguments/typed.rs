//! The payload, typed.

use laneway_domain::{DecodeError, DomainEvents, EventKind};

use super::argument::Argument;
use super::error::ArgumentFault;
use super::given::Given;

/// The event's payload as a Rust type: a `DomainEvent`, or an enum of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed<E>(pub E);

impl<E: DomainEvents, S> Argument<S> for Typed<E> {
    const KINDS: &'static [EventKind] = E::KINDS;

    #[inline]
    fn take(given: &Given<'_>, _state: &S) -> Result<Self, ArgumentFault> {
        let event_type = given.event_type.ok_or(DecodeError::Untyped)?;
        Ok(Self(E::read_payload(event_type, given.version, given.payload)?))
    }
}

//! Why an argument could not be taken.

use laneway_domain::{Cause, DecodeError};
use thiserror::Error;

/// Why a value is not in a given.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArgumentFault {
    /// The event does not carry it.
    #[error("the event has no {0}")]
    Missing(&'static str),
    /// The event cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A reason of the argument's own.
    #[error(transparent)]
    Other(Cause),
}

/// An argument that could not be taken.
#[derive(Debug, Error)]
#[error("argument {number}, {argument}, cannot be taken from the event")]
pub struct ArgumentError {
    number: usize,
    argument: String,
    #[source]
    fault: ArgumentFault,
}

impl ArgumentError {
    #[cold]
    pub(super) fn new<A>(number: usize, fault: ArgumentFault) -> Self {
        Self { number, argument: without_paths(std::any::type_name::<A>()), fault }
    }

    /// The place of the argument, from 1.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// The type of the argument.
    #[must_use]
    pub fn argument(&self) -> &str {
        &self.argument
    }

    /// Why it could not be taken.
    #[must_use]
    pub const fn fault(&self) -> &ArgumentFault {
        &self.fault
    }
}

/// `a::b::Typed<c::OrderPlaced>` as `Typed<OrderPlaced>`.
fn without_paths(name: &str) -> String {
    let mut short = String::new();
    for piece in name.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        short.push_str(piece.rsplit("::").next().unwrap_or(piece));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_named_without_paths() {
        for (long, short) in [
            ("a::b::Typed<c::d::Placed>", "Typed<Placed>"),
            ("core::option::Option<a::TenantId>", "Option<TenantId>"),
            ("a::State<alloc::sync::Arc<(b::C, u8)>>", "State<Arc<(C, u8)>>"),
            ("u8", "u8"),
        ] {
            assert_eq!(without_paths(long), short);
        }
    }
}

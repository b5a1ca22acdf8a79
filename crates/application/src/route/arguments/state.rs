//! What handlers share.

use super::argument::Argument;
use super::error::ArgumentFault;
use super::given::Given;

/// The state that was given to the router or to the handler, cloned: usually an `Arc`, or a pool of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<S>(pub S);

impl<S: Clone> Argument<S> for State<S> {
    #[inline]
    fn take(_delivery: &Given<'_>, state: &S) -> Result<Self, ArgumentFault> {
        Ok(Self(state.clone()))
    }
}

//! What brokers deleted, as far as groups were told.

use std::collections::HashMap;

use crate::invariant::happening::Happening;
use crate::parking::Scope;
use crate::position::{Position, Resume};

/// The ranges that were reported as deleted up to one point of a history.
#[derive(Default)]
pub(in crate::invariant) struct Gaps<'h> {
    scopes: HashMap<&'h Scope, Vec<(u64, u64)>>,
}

impl<'h> Gaps<'h> {
    /// Takes the next happening.
    pub(in crate::invariant) fn observe(&mut self, what: &'h Happening) {
        if let Happening::GapReported { scope, from, to } = what {
            self.scopes.entry(scope).or_default().push((from.rank(), to.rank()));
        }
    }

    /// Whether this position was reported as deleted.
    pub(in crate::invariant) fn hold(&self, scope: &Scope, position: Position) -> bool {
        let at = Resume::At(position).rank();
        let ranges = self.scopes.get(scope).map_or(&[][..], Vec::as_slice);
        ranges.iter().any(|(from, to)| *from <= at && at < *to)
    }
}

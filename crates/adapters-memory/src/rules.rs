//! What a partition keeps, and what it does when that is full.

use laneway_domain::Origin;

use crate::config::Overflow;
use crate::piece::Bound;

/// The rules of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) keep: Bound,
    pub(crate) overflow: Overflow,
    /// In percent of what is kept.
    pub(crate) handler_reserve: u8,
}

impl Rules {
    /// How much may be kept for a publisher of this origin to be let in.
    #[inline]
    pub(crate) fn limit(self, origin: Origin) -> Bound {
        match (origin, self.overflow) {
            (Origin::Handler, Overflow::Wait) => self.keep.with_reserve(self.handler_reserve),
            // Where nobody waits nobody needs a reserve.
            (Origin::Caller, _) | (Origin::Handler, Overflow::DropOldest) => self.keep,
        }
    }

    /// Everything before this may go, if groups need what comes after `needed`; `None` stands for no group.
    pub(crate) fn floor(self, needed: Option<u64>) -> u64 {
        match self.overflow {
            Overflow::DropOldest => u64::MAX,
            // Without a group nobody is owed anything.
            Overflow::Wait => needed.unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_handler_that_would_have_to_wait_has_a_reserve() {
        let keep = Bound { events: 100, bytes: 1_000 };
        let rules = |overflow| Rules { keep, overflow, handler_reserve: 25 };
        assert_eq!(rules(Overflow::Wait).limit(Origin::Caller), keep);
        assert_eq!(rules(Overflow::Wait).limit(Origin::Handler), Bound { events: 125, bytes: 1_250 });
        assert_eq!(rules(Overflow::DropOldest).limit(Origin::Handler), keep);
    }

    #[test]
    fn what_a_group_needs_holds_only_where_publishing_waits() {
        let rules = |overflow| Rules { keep: Bound { events: 1, bytes: 1 }, overflow, handler_reserve: 0 };
        assert_eq!(rules(Overflow::Wait).floor(Some(7)), 7);
        assert_eq!(rules(Overflow::Wait).floor(None), u64::MAX);
        assert_eq!(rules(Overflow::DropOldest).floor(Some(7)), u64::MAX);
    }
}

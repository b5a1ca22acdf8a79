//! Which handlers of one subscription an event is still due for.

use std::fmt;

/// A set of handlers, by their number within a subscription, from 0 to 63.
///
/// ```
/// use laneway_domain::HandlerMask;
/// let due = HandlerMask::of([0, 2]).without(0);
/// assert!(due.contains(2) && !due.contains(0) && !due.is_empty());
/// assert_eq!(HandlerMask::from_bits(due.bits()), due);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandlerMask(u64);

impl HandlerMask {
    /// Every handler: what an event is due for before its first attempt.
    pub const ALL: Self = Self(u64::MAX);
    /// No handler.
    pub const NONE: Self = Self(0);
    /// How many handlers a mask tells apart.
    pub const WIDTH: usize = u64::BITS as usize;

    /// These handlers; numbers beyond the width are none.
    #[must_use]
    pub fn of(numbers: impl IntoIterator<Item = usize>) -> Self {
        Self(numbers.into_iter().fold(0, |bits, number| bits | bit(number)))
    }

    /// The mask of these bits, handler 0 lowest.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits, handler 0 lowest.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// All of these but one.
    #[must_use]
    pub const fn without(self, number: usize) -> Self {
        Self(self.0 & !bit(number))
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The numbers of the handlers, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let lowest = (left != 0).then(|| left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            lowest
        })
    }

    /// Whether this handler is among them.
    #[inline]
    #[must_use]
    pub const fn contains(self, number: usize) -> bool {
        self.0 & bit(number) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

const fn bit(number: usize) -> u64 {
    if number < HandlerMask::WIDTH { 1 << number } else { 0 }
}

impl Default for HandlerMask {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Debug for HandlerMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("HandlerMask(all)");
        }
        f.write_str("HandlerMask")?;
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_holds_its_64_handlers_and_none_beyond() {
        assert!(HandlerMask::ALL.contains(63) && !HandlerMask::ALL.contains(64));
        assert_eq!(HandlerMask::ALL.without(64), HandlerMask::ALL);
        let all_but_one = (0..64).filter(|number| *number != 7);
        assert_eq!(HandlerMask::ALL.without(7), HandlerMask::of(all_but_one));
        assert!(HandlerMask::of([3]).without(3).is_empty());
        assert_eq!(HandlerMask::of([1, 3]).and(HandlerMask::of([3, 5])), HandlerMask::of([3]));
        assert_eq!(HandlerMask::of([5]).or(HandlerMask::of([0])).iter().collect::<Vec<_>>(), [0, 5]);
        assert_eq!(format!("{:?}", HandlerMask::of([1, 3])), "HandlerMask{1, 3}");
    }
}

//! First in, first out, through a word that each member has anyway.

/// Where a member keeps the number of the one behind it.
pub trait Links {
    /// The number of the one behind `member`; nothing where there is no such member.
    fn next(&self, member: u32) -> Option<u32>;
    /// The same, to be changed.
    fn next_mut(&mut self, member: u32) -> Option<&mut u32>;
}

/// Stands for no member.
pub(super) const NONE: u32 = u32::MAX;

/// Members in the order in which they came, each in one chain at most. Its length says where it ends: behind the last one may
/// stand anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    first: u32,
    last: u32,
    len: usize,
}

impl Chain {
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE, len: 0 };

    /// One member alone.
    pub(super) const fn of(member: u32) -> Self {
        Self { first: member, last: member, len: 1 }
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, links: &mut (impl Links + ?Sized), at: u32) {
        if self.len == 0 {
            self.first = at;
        } else if let Some(behind) = links.next_mut(self.last) {
            *behind = at;
        }
        self.last = at;
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self, links: &(impl Links + ?Sized)) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let at = self.first;
        self.first = links.next(at)?;
        self.len -= 1;
        Some(at)
    }

    /// Takes all of them out.
    pub(super) fn drain(&mut self, links: &(impl Links + ?Sized)) -> Vec<u32> {
        std::iter::from_fn(|| self.pop(links)).collect()
    }
}

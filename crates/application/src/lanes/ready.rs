//! The ring of lanes whose head may start, through the lanes themselves.

use super::lane::{Lane, NONE};

/// First in, first out: a busy aggregate goes behind the others after each of its events.
#[derive(Debug)]
pub(crate) struct Ring {
    first: u32,
    last: u32,
    len: usize,
}

impl Ring {
    pub(crate) const fn new() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, lanes: &mut [Lane], at: u32) {
        lanes[at as usize].next = NONE;
        match lanes.get_mut(self.last as usize) {
            Some(last) => last.next = at,
            None => self.first = at,
        }
        self.last = at;
        self.len += 1;
    }

    #[inline]
    pub(crate) fn pop(&mut self, lanes: &[Lane]) -> Option<u32> {
        let at = self.first;
        self.first = lanes.get(at as usize)?.next;
        if self.first == NONE {
            self.last = NONE;
        }
        self.len -= 1;
        Some(at)
    }

    /// Takes everything out, to put back what stays.
    pub(crate) fn drain(&mut self, lanes: &[Lane]) -> Vec<u32> {
        std::iter::from_fn(|| self.pop(lanes)).collect()
    }
}

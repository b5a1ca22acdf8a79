//! Interned text: names that every event repeats and no event should pay for.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{OnceLock, RwLock};

/// Text that many events share. Cloning an interned name copies a pointer; no reference count is touched.
///
/// The first [`Name::INTERNED`] distinct names of a process are kept for its life. Whatever comes after
/// them, names sent by a hostile peer for example, is owned by its value and freed with it.
pub(crate) struct Name(Repr);

enum Repr {
    Interned(&'static str),
    Owned(Box<str>),
}

static TABLE: OnceLock<RwLock<HashSet<&'static str>>> = OnceLock::new();

impl Name {
    /// How many distinct names are kept for the life of the process.
    pub(crate) const INTERNED: usize = 16_384;

    pub(crate) const fn from_static(text: &'static str) -> Self {
        Self(Repr::Interned(text))
    }

    pub(crate) fn new(text: &str) -> Self {
        let table = TABLE.get_or_init(RwLock::default);
        let known = table.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(text).copied();
        if let Some(known) = known {
            return Self(Repr::Interned(known));
        }
        let mut table = table.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = table.get(text).copied() {
            return Self(Repr::Interned(known));
        }
        if table.len() >= Self::INTERNED {
            return Self(Repr::Owned(text.into()));
        }
        let kept: &'static str = Box::leak(text.into());
        table.insert(kept);
        Self(Repr::Interned(kept))
    }

    pub(crate) fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Interned(text) => text,
            Repr::Owned(text) => text,
        }
    }
}

impl Clone for Name {
    #[inline]
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Interned(text) => Self(Repr::Interned(text)),
            Repr::Owned(text) => Self(Repr::Owned(text.clone())),
        }
    }
}

impl PartialEq for Name {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.as_str(), other.as_str());
        std::ptr::eq(a, b) || a == b
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_table_are_equal_by_text_and_freed_with_their_value() {
        for n in 0..Name::INTERNED + 10 {
            Name::new(&format!("name-test-{n}"));
        }
        let (a, b) = (Name::new("name-test-beyond"), Name::new("name-test-beyond"));
        assert!(matches!(a.0, Repr::Owned(_)));
        assert_eq!(a, b);
        assert_eq!(a.clone(), Name::from_static("name-test-beyond"));
    }
}

//! Whether the code that runs now is inside a handler.

use std::cell::Cell;

use laneway_domain::Origin;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Marks the thread as inside a handler while `code` runs. A handler's own tasks do not count.
#[inline]
pub(crate) fn within_handler<T>(code: impl FnOnce() -> T) -> T {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let _leave = Leave(INSIDE.replace(true));
    code()
}

/// Who publishes, if somebody does now.
pub(crate) fn origin() -> Origin {
    if INSIDE.get() { Origin::Handler } else { Origin::Caller }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_within_a_handler_counts_as_inside_also_after_a_panic() {
        assert_eq!(origin(), Origin::Caller);
        assert_eq!(within_handler(origin), Origin::Handler);
        let panic = crate::guard::guarded(|| within_handler(|| panic!("inside")));
        assert_eq!((panic, origin()), (Err("inside".to_owned()), Origin::Caller));
    }
}

//! A wall around user code: a panic becomes a value.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `code`; the message of its panic where it panics.
///
/// What `code` borrows may be left half changed by a panic: callers drop it, or do not rely on it.
pub(crate) fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| {
        let text = message(&*panic);
        discard(panic);
        text
    })
}

/// What a panic says.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Drops what users made, whose own code runs for that and may panic.
pub(crate) fn discard<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        tracing::error!("a value panicked while it was dropped");
        // Its payload may panic in turn: it is never dropped.
        let _ = std::mem::ManuallyDrop::new(panic);
    }
}

//! One step from a version to the next.

use std::fmt;
use std::sync::Arc;

use laneway_domain::{Cause, EventKind};
use serde_json::Value;

use super::error::UpcastError;
use crate::guard::guarded;

type Change = Arc<dyn Fn(Value) -> Result<Value, Cause> + Send + Sync>;

/// One step from a version to the next.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) from: EventKind,
    pub(crate) to: EventKind,
    change: Change,
}

impl Step {
    pub(crate) fn new(
        from: EventKind,
        to: EventKind,
        change: impl Fn(Value) -> Result<Value, Cause> + Send + Sync + 'static,
    ) -> Self {
        Self { from, to, change: Arc::new(change) }
    }

    /// Takes the step: from what the one before left, or from the payload as it came.
    pub(crate) fn take(&self, lifted: Option<Value>, payload: &[u8]) -> Result<Value, UpcastError> {
        let value = match lifted {
            Some(value) => value,
            None => serde_json::from_slice(payload)
                .map_err(|cause| UpcastError::Unreadable { kind: self.from.clone(), cause })?,
        };
        let (from, to) = (self.from.clone(), self.to.clone());
        match guarded(|| (self.change)(value)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(cause)) => Err(UpcastError::Failed { from, to, cause }),
            Err(panic) => Err(UpcastError::Panicked { from, to, panic }),
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

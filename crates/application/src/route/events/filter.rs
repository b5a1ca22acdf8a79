//! Filters: what is acknowledged without being handled.

use laneway_domain::{Envelope, HandlerError};

use super::error::RouteError;
use crate::guard::guarded;

/// A named question about an event.
pub(super) struct Filter {
    name: String,
    passes: Box<dyn Fn(&Envelope) -> bool + Send + Sync>,
}

impl Filter {
    pub(super) fn new(name: String, passes: impl Fn(&Envelope) -> bool + Send + Sync + 'static) -> Self {
        Self { name, passes: Box::new(passes) }
    }

    /// Whether the event is to be handled. A panic is a failed attempt: nobody knows the answer.
    pub(super) fn passes(&self, event: &Envelope) -> Result<bool, HandlerError> {
        guarded(|| (self.passes)(event)).map_err(|panic| {
            HandlerError::retryable(RouteError::FilterPanicked { filter: self.name.clone(), panic })
        })
    }
}

//! Until when an adapter lets handlers start.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use laneway_domain::{Monotonic, SessionEvent};

use crate::faults::Filter;

/// The newest permission that a session of a bus gave. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permits(Arc<Mutex<Option<Monotonic>>>);

impl Permits {
    /// The end of it; none where no session said anything about it.
    pub(crate) fn until(&self) -> Option<Monotonic> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filter for Permits {
    fn said(&mut self, event: SessionEvent, heard: &mut VecDeque<SessionEvent>) {
        if let SessionEvent::MayStart { until } = event {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        heard.push_back(event);
    }
}

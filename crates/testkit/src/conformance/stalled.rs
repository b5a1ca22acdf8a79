//! Handlers that wait at a door.

use laneway_domain::{BoxFuture, Event, HandlerError};

use super::journal::{Journal, Witness};
use super::latch::Latch;

/// What such a handler does.
pub(crate) type Stalled = BoxFuture<Result<(), HandlerError>>;

impl Journal {
    /// A handler that writes itself down, waits for the door and succeeds.
    pub(crate) fn behind(&self, door: &Latch) -> Witness<impl Fn(Event, u32) -> Stalled + use<>> {
        self.behind_for(door, |_| true)
    }

    /// A handler that writes itself down and succeeds: at once, or where `waits` says so, behind the door.
    pub(crate) fn behind_for<F>(
        &self,
        door: &Latch,
        waits: F,
    ) -> Witness<impl Fn(Event, u32) -> Stalled + use<F>>
    where
        F: Fn(&Event) -> bool + Send + Sync + 'static,
    {
        let door = door.clone();
        self.handler(move |event, _| -> Stalled {
            let door = waits(&event).then(|| door.clone());
            Box::pin(async move {
                if let Some(door) = door {
                    door.pass().await;
                }
                Ok(())
            })
        })
    }
}

/// Whether an event belongs to the aggregate of this name.
pub(crate) fn is_of(name: &'static str) -> impl Fn(&Event) -> bool + Copy {
    move |event| event.aggregate().is_some_and(|id| id.as_str() == name)
}

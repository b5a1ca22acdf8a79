//! An event on its way into a handler's arguments.

use laneway_domain::{Event, EventType, HandlerContext, Payload};

/// An event on its way into a handler's arguments.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The event, as it came.
    pub event: &'a Event,
    /// The attempt.
    pub context: &'a HandlerContext<'a>,
    /// What the payload is: the event's type, or what upcasters made of it.
    pub event_type: Option<&'a EventType>,
    /// The version of the payload, after upcasters.
    pub version: u32,
    /// The payload, after upcasters.
    pub payload: Payload<'a>,
}

impl<'a> Given<'a> {
    /// An event as it came.
    #[inline]
    #[must_use]
    pub fn new(event: &'a Event, context: &'a HandlerContext<'a>) -> Self {
        Self {
            event,
            context,
            event_type: event.event_type(),
            version: event.schema_version(),
            payload: Payload::Bytes(event.payload()),
        }
    }
}

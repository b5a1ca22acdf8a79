//! What an event says of itself beside its payload.

use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, CorrelationId, Event, EventId, EventType, GroupId, Headers,
    TenantId, Timestamp, TraceContext,
};

use super::argument::Argument;
use super::error::ArgumentFault;
use super::given::Given;

/// Which try this is, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u32);

/// What every given has.
macro_rules! always {
    ($($argument:ty, $given:ident => $take:expr;)*) => {$(
        impl<S> Argument<S> for $argument {
            fn take($given: &Given<'_>, _state: &S) -> Result<Self, ArgumentFault> {
                Ok($take)
            }
        }
    )*};
}

/// What an event may lack: taken as it is, or as an `Option` of it.
macro_rules! sometimes {
    ($($argument:ty, $name:literal, $event:ident => $take:expr;)*) => {$(
        impl<S> Argument<S> for $argument {
            fn take(given: &Given<'_>, _state: &S) -> Result<Self, ArgumentFault> {
                let $event = given.event;
                $take.ok_or(ArgumentFault::Missing($name))
            }
        }

        impl<S> Argument<S> for Option<$argument> {
            fn take(given: &Given<'_>, _state: &S) -> Result<Self, ArgumentFault> {
                let $event = given.event;
                Ok($take)
            }
        }
    )*};
}

always! {
    Event, given => given.event.clone();
    Headers, given => given.event.headers().clone();
    Attempt, given => Self(given.context.attempt);
    GroupId, given => given.context.group.clone();
}

sometimes! {
    AggregateId, "aggregate id", event => event.aggregate().cloned();
    AggregateVersion, "aggregate version", event => event.version();
    EventType, "event type", event => event.event_type().cloned();
    EventId, "event id", event => event.id();
    TenantId, "tenant", event => event.tenant().cloned();
    CorrelationId, "correlation id", event => event.correlation().cloned();
    CausationId, "causation id", event => event.causation().cloned();
    TraceContext, "trace context", event => event.trace().cloned();
    Timestamp, "time of its own", event => event.occurred_at();
}

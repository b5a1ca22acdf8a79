//! What an event says of itself beside its payload.

use laneway_domain::{
    AggregateId, AggregateVersion, CausationId, CorrelationId, Event, EventId, EventType, GroupId, Headers,
    TenantId, Timestamp, TraceContext,
};

use super::argument::Argument;
use super::delivery::Delivery;
use super::error::ArgumentFault;

/// Which try this is, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt(pub u32);

/// What every delivery has.
macro_rules! always {
    ($($argument:ty, $delivery:ident => $take:expr;)*) => {$(
        impl<S> Argument<S> for $argument {
            fn take($delivery: &Delivery<'_>, _state: &S) -> Result<Self, ArgumentFault> {
                Ok($take)
            }
        }
    )*};
}

/// What an event may lack: taken as it is, or as an `Option` of it.
macro_rules! sometimes {
    ($($argument:ty, $name:literal, $event:ident => $take:expr;)*) => {$(
        impl<S> Argument<S> for $argument {
            fn take(delivery: &Delivery<'_>, _state: &S) -> Result<Self, ArgumentFault> {
                let $event = delivery.event;
                $take.ok_or(ArgumentFault::Missing($name))
            }
        }

        impl<S> Argument<S> for Option<$argument> {
            fn take(delivery: &Delivery<'_>, _state: &S) -> Result<Self, ArgumentFault> {
                let $event = delivery.event;
                Ok($take)
            }
        }
    )*};
}

always! {
    Event, delivery => delivery.event.clone();
    Headers, delivery => delivery.event.headers().clone();
    Attempt, delivery => Self(delivery.context.attempt);
    GroupId, delivery => delivery.context.group.clone();
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

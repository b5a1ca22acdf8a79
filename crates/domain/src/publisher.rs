//! The port down to a broker.

use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::capability::PublisherCapabilities;
use crate::envelope::Envelope;
use crate::error::Cause;
use crate::position::{PartitionNumber, Position};
use crate::time::Monotonic;

/// Takes events to a broker.
///
/// # Contract
///
/// *Who calls*: the publish path of the application, from any number of tasks at once. Events are stamped and checked.
///
/// *`Ok`*: the broker holds the event as safely as [`PublisherCapabilities::durable`] says. Result `i` belongs to
/// event `i`; there are as many results as events.
///
/// *Order*: within one call the events of one key are appended in the order given. With
/// [`PublisherCapabilities::ordered_prefix`], the failure of one means that none after it of the same key was
/// appended: each of those fails too, of the same fault where that holds for it as well, else of
/// [`Behind`](PublishFault::Behind). Two calls are ordered only if the first was awaited.
///
/// *Duplicates*: publishing an event id again is always allowed; with [`PublisherCapabilities::deduplicates`] it is
/// stored once within the broker's window.
///
/// *Cancel safety*: dropping the future recalls nothing. What was handed over may be stored: the outcome is unknown,
/// and room is given back with the broker's answer, not before.
///
/// *Errors*: per event, see [`PublishFault`]. A timeout is `Unknown`, never `Rejected`.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// What this publisher can do; constant for its life.
    fn capabilities(&self) -> &PublisherCapabilities;

    /// Publishes a batch; a result per event.
    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>>;

    /// Waits until every event handed over has an outcome, at the latest until `deadline`.
    async fn flush(&self, deadline: Monotonic) -> Flushed;
}

#[async_trait]
impl<T: Publisher + ?Sized> Publisher for Arc<T> {
    fn capabilities(&self) -> &PublisherCapabilities {
        (**self).capabilities()
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        (**self).publish(batch).await
    }

    async fn flush(&self, deadline: Monotonic) -> Flushed {
        (**self).flush(deadline).await
    }
}

/// A batch on its way to a broker.
#[derive(Debug)]
pub struct Outgoing {
    /// The events, stamped and checked.
    pub events: Vec<Envelope>,
    /// Who publishes.
    pub origin: Origin,
}

/// Who publishes: a handler has a reserve of a full broker's room, so that handlers which publish cannot lock
/// themselves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// Code outside of handlers: waits while the broker is full.
    #[default]
    Caller,
    /// Code that runs inside a handler: may use the reserve.
    Handler,
}

/// Where a published event stands, as far as the broker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The partition.
    pub partition: PartitionNumber,
    /// The position, where the broker tells it.
    pub position: Option<Position>,
}

/// What became of an event that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublishFault {
    /// Refused for what it is, and not stored: publishing it again changes nothing.
    Rejected,
    /// Not stored, because there is no room now.
    Busy,
    /// Not stored, because an earlier event of the same key in this call was not: sound itself, and welcome again once
    /// that one is settled.
    Behind,
    /// Not sent: the broker cannot be reached.
    Unavailable,
    /// Sent, and no answer came: it may be stored. Publish the same event id again.
    Unknown,
    /// The publisher is closed; not sent.
    Closed,
}

/// The failure of one event's publish: what became of it, and why.
#[derive(Debug, Error)]
#[error("{}: {reason}", .fault.sentence())]
pub struct PublishError {
    fault: PublishFault,
    reason: Box<str>,
    #[source]
    cause: Option<Cause>,
}

impl PublishFault {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Rejected => "the event was rejected and is not stored",
            Self::Busy => "the broker has no room now; the event is not stored",
            Self::Behind => "an earlier event of its key failed in this call; the event is not stored",
            Self::Unavailable => "the broker is unavailable; the event was not sent",
            Self::Unknown => "no answer came; the event may be stored",
            Self::Closed => "the publisher is closed; the event was not sent",
        }
    }
}

impl PublishError {
    /// An event that met `fault`, and the reason in words.
    pub fn new(fault: PublishFault, reason: impl Into<Box<str>>) -> Self {
        Self { fault, reason: reason.into(), cause: None }
    }

    /// Adds the error below.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What became of the event.
    #[must_use]
    pub fn fault(&self) -> PublishFault {
        self.fault
    }

    /// Whether publishing the same event again can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self.fault, PublishFault::Rejected | PublishFault::Closed)
    }
}

/// What a flush left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// How many events had no outcome at the deadline: they may be stored.
    pub unknown: usize,
}

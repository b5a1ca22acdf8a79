//! The port to wire formats.

use thiserror::Error;

use crate::envelope::Envelope;
use crate::error::Invalid;
use crate::identity::{AggregateId, EventType, TenantId};
use crate::record::Record;
use crate::topic::TopicName;

/// Turns envelopes into records and back.
///
/// # Contract
///
/// *Round trip*: `decode(encode(e)) == e` for every field that the format carries; what it cannot carry is refused by
/// `encode`, never dropped in silence. Payload bytes come back unchanged.
///
/// *Routing*: [`route`](Codec::route) agrees with `decode`, parses no more than it must, and answers for any bytes: a
/// record that does not decode may still have a key.
///
/// *Errors*: `decode` hands back the record, bytes untouched, so that it can be dead-lettered as it came.
///
/// *Panics*: none, whatever the bytes.
pub trait Codec: Send + Sync + std::fmt::Debug {
    /// Writes `envelope` into `record`, which is empty.
    fn encode(&self, envelope: &Envelope, record: &mut Record) -> Result<(), CodecError>;
    /// Finds what decides about the lane.
    fn route(&self, record: &Record) -> Route;
    /// Reads an envelope of `topic`.
    fn decode(&self, topic: &TopicName, record: Record) -> Result<Envelope, Box<Undecodable>>;
}

/// What decides about an event's lane, without decoding it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The aggregate.
    pub aggregate: Option<AggregateId>,
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// The type of the event.
    pub event_type: Option<EventType>,
}

/// Why an envelope cannot be written, or a record cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A field breaks a rule of the format.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The bytes are not what the format says.
    #[error("{format}: {reason}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
}

/// A record that does not decode, bytes untouched.
#[derive(Debug, Error)]
#[error("the record does not decode: {error}")]
pub struct Undecodable {
    /// The record as it came.
    pub record: Record,
    /// Why.
    #[source]
    pub error: CodecError,
}

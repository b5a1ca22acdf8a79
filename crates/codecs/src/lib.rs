//! The wire formats of Laneway: what stands behind the port [`Codec`](laneway_domain::Codec).
//!
//! [`CloudEventsBinary`] is the default of brokers, [`CloudEventsJson`] the same events as JSON, [`FleetJson`] the
//! envelope of a fleet of Go services. [`Detecting`] writes one of them and reads all. Which aggregate, tenant and type
//! an event has is found without decoding it; payloads are never changed.

mod attribute;
mod attributes;
mod binary;
mod binding;
mod detecting;
mod event_id;
mod fault;
mod fleet;
mod members;
mod percent;
mod source;
mod structured;
mod timestamp;
mod tombstone;

pub use binary::CloudEventsBinary;
pub use detecting::{Detecting, Format};
pub use event_id::EVENT_ID_NAMESPACE;
pub use fleet::FleetJson;
pub use source::Source;
pub use structured::CloudEventsJson;
pub use tombstone::{TOMBSTONE, TOMBSTONE_HEADER, is_tombstone, tombstone};

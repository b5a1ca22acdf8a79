//! Tombstones: what says that an aggregate is gone.

use laneway_domain::{AggregateId, Envelope, EventType, Headers, Invalid, Record, TopicName};

/// The header that makes an event without payload a tombstone: a record whose value is null, which a compacted topic
/// takes as the word to forget the key.
///
/// A null value and an empty one are two things, and an envelope's payload cannot tell them apart: this header does.
/// Reading a null value adds it; writing an envelope that has it writes a null value. On a broker without null values
/// the value is empty, and the header alone says so. Its value means nothing.
pub const TOMBSTONE_HEADER: &str = "laneway-tombstone";

/// The type of a tombstone that names no type of its own, as most do.
pub const TOMBSTONE: EventType = EventType::from_static("laneway.tombstone");

/// A tombstone for an aggregate of `topic`.
///
/// ```
/// use laneway_codecs::{is_tombstone, tombstone};
/// use laneway_domain::{AggregateId, TopicName};
/// let gone = tombstone(TopicName::new("orders")?, AggregateId::new("order:42")?);
/// assert!(is_tombstone(&gone) && gone.payload().is_empty());
/// # Ok::<(), laneway_domain::Invalid>(())
/// ```
#[must_use]
pub fn tombstone(topic: TopicName, aggregate: AggregateId) -> Envelope {
    let gone = Envelope::new(topic, "").with_aggregate(aggregate).with_event_type(TOMBSTONE);
    gone.with_header(TOMBSTONE_HEADER, None)
}

/// Whether an event says that its aggregate is gone.
#[must_use]
pub fn is_tombstone(event: &Envelope) -> bool {
    event.payload().is_empty() && is_marked(event.headers())
}

fn is_marked(headers: &Headers) -> bool {
    headers.first(TOMBSTONE_HEADER).is_some()
}

/// Whether a record is a tombstone.
pub(crate) fn is_buried(record: &Record) -> bool {
    match &record.value {
        None => true,
        Some(value) => value.is_empty() && is_marked(&record.headers),
    }
}

/// Marks the headers of a tombstone that was read.
pub(crate) fn mark(headers: &mut Headers) {
    if !is_marked(headers) {
        headers.push(TOMBSTONE_HEADER, None);
    }
}

/// Whether an envelope is written as a null value.
///
/// # Errors
/// [`Invalid`] where it is marked and has a payload.
pub(crate) fn is_written(event: &Envelope) -> Result<bool, Invalid> {
    let marked = is_marked(event.headers());
    if marked && !event.payload().is_empty() {
        return Err(Invalid::new("header", "marks a tombstone, which has no payload", TOMBSTONE_HEADER));
    }
    Ok(marked)
}

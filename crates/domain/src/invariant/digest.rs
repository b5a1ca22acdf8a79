//! A fingerprint of an event's content.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::envelope::Envelope;
use crate::headers::Headers;
use crate::record::{Body, Record};

/// A fingerprint of everything that an event says: two events of one digest have, in all likelihood, the same bytes.
///
/// Comparable within one process. An envelope and the record that a codec makes of it have different digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of an envelope: every field, headers in their order, null and empty values apart.
    #[must_use]
    pub fn of_envelope(envelope: &Envelope) -> Self {
        let mut state = DefaultHasher::new();
        envelope.id().hash(&mut state);
        envelope.topic().hash(&mut state);
        envelope.aggregate().hash(&mut state);
        envelope.event_type().hash(&mut state);
        envelope.version().hash(&mut state);
        envelope.occurred_at().hash(&mut state);
        envelope.schema_version().hash(&mut state);
        envelope.payload().hash(&mut state);
        envelope.tenant().hash(&mut state);
        envelope.correlation().hash(&mut state);
        envelope.causation().hash(&mut state);
        let trace = envelope.trace();
        trace.map(|trace| (trace.parent(), trace.state())).hash(&mut state);
        hash_headers(envelope.headers(), &mut state);
        Self(state.finish())
    }

    /// The digest of a record: key, value and headers.
    #[must_use]
    pub fn of_record(record: &Record) -> Self {
        let mut state = DefaultHasher::new();
        record.key.hash(&mut state);
        record.value.hash(&mut state);
        hash_headers(&record.headers, &mut state);
        Self(state.finish())
    }

    /// The digest of what arrived, in the form in which it arrived.
    #[must_use]
    pub fn of_body(body: &Body) -> Self {
        match body {
            Body::Event(envelope) => Self::of_envelope(envelope),
            Body::Record(record) => Self::of_record(record),
        }
    }
}

fn hash_headers(headers: &Headers, state: &mut DefaultHasher) {
    headers.len().hash(state);
    for header in headers.iter() {
        header.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::TopicName;

    #[test]
    fn null_and_empty_headers_and_their_order_change_the_digest() {
        let plain = Envelope::new(TopicName::new("t").unwrap(), "x");
        let digest = |envelope: &Envelope| Digest::of_envelope(envelope);
        let null = plain.clone().with_header("a", None);
        let empty = plain.clone().with_header("a", Some("".into()));
        let one = empty.clone().with_header("b", None);
        let other = plain.clone().with_header("b", None).with_header("a", Some("".into()));
        let all = [&plain, &null, &empty, &one, &other].map(digest);
        assert!((1..all.len()).all(|n| !all[..n].contains(&all[n])), "{all:?}");
        assert_eq!(digest(&null), digest(&null.detached()));
    }
}

//! What a broker holds: a record, and what was received from a partition.

use std::sync::Arc;

use bytes::Bytes;

use crate::envelope::Envelope;
use crate::headers::Headers;
use crate::position::Position;
use crate::time::Timestamp;

/// An event as a broker stores it: a key, a value and headers, all of them bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The key; an aggregate's id where a codec wrote it.
    pub key: Option<Bytes>,
    /// The value; null is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Headers,
}

impl Record {
    /// The bytes of key, value and headers.
    #[must_use]
    pub fn size(&self) -> usize {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        len(&self.key) + len(&self.value) + self.headers.size()
    }

    /// A copy that shares no buffer with this one.
    #[must_use]
    pub fn detached(&self) -> Self {
        let own = |bytes: &Option<Bytes>| bytes.as_ref().map(|b| Bytes::copy_from_slice(b));
        Self { key: own(&self.key), value: own(&self.value), headers: self.headers.detached() }
    }
}

/// An event as it arrives: an envelope where broker and bus share memory, else a record that a worker decodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The event itself.
    Event(Envelope),
    /// The broker's record, not decoded yet.
    Record(Record),
}

impl Body {
    /// The bytes of payload, key and headers.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Event(envelope) => envelope.size(),
            Self::Record(record) => record.size(),
        }
    }

    /// A copy that shares no buffer with this one.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Event(envelope) => Self::Event(envelope.detached()),
            Self::Record(record) => Self::Record(record.detached()),
        }
    }
}

/// One event of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where it stands.
    pub position: Position,
    /// When the broker took it.
    pub appended: Timestamp,
    /// What it says.
    pub body: Body,
}

/// A run of received events in shared memory: a piece of a broker's log or of a network buffer.
///
/// Cloning shares the events. Dropping the last handle frees them.
#[derive(Debug, Clone)]
pub struct Rows {
    chunk: Arc<Vec<Received>>,
    start: u32,
    end: u32,
}

impl Rows {
    /// All events of `chunk`.
    ///
    /// # Panics
    /// Where the chunk has more than `u32::MAX` events.
    #[must_use]
    pub fn new(chunk: Arc<Vec<Received>>) -> Self {
        let end = index(chunk.len());
        Self { chunk, start: 0, end }
    }

    /// The part of `chunk` from `start` up to, not including, `end`.
    ///
    /// # Panics
    /// Where the range does not lie within the chunk.
    #[must_use]
    pub fn slice(chunk: Arc<Vec<Received>>, start: usize, end: usize) -> Self {
        assert!(start <= end && end <= chunk.len(), "{start}..{end} lies outside of {}", chunk.len());
        Self { start: index(start), end: index(end), chunk }
    }

    /// The events.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[Received] {
        &self.chunk[self.start as usize..self.end as usize]
    }

    /// The event at `row`, counted from the start of this run.
    #[inline]
    #[must_use]
    pub fn row(&self, row: u32) -> &Received {
        &self.chunk[(self.start + row) as usize]
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl From<Vec<Received>> for Rows {
    fn from(events: Vec<Received>) -> Self {
        Self::new(Arc::new(events))
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or_else(|_| panic!("a run of {n} events is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::TopicName;

    fn received(position: u64) -> Received {
        let envelope = Envelope::new(TopicName::new("t").unwrap(), "x");
        let position = Position::new(position);
        Received { position, appended: Timestamp::default(), body: Body::Event(envelope) }
    }

    #[test]
    fn a_slice_counts_its_rows_from_its_own_start() {
        let chunk = Arc::new((0..10).map(received).collect::<Vec<_>>());
        let rows = Rows::slice(chunk, 3, 6);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows.row(1).position, Position::new(4));
        assert_eq!(rows.as_slice().len(), 3);
    }

    #[test]
    fn what_arrives_stays_within_the_memory_budget_of_a_queued_lane() {
        assert!(size_of::<Received>() <= 176, "{}", size_of::<Received>());
    }
}

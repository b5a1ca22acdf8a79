//! Records of one partition on their way into a batch.

use std::ops::Range;

use bytes::Bytes;
use compact_str::CompactString;
use laneway_domain::{Body, Headers, Position, Received, Record, Timestamp};
use rdkafka::Timestamp as Stamp;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};

/// Records are copied once, all of a batch into one buffer that they share.
#[derive(Default)]
pub(crate) struct Run {
    buffer: Vec<u8>,
    raws: Vec<Raw>,
    headers: Vec<(CompactString, Option<Range<usize>>)>,
}

struct Raw {
    position: Position,
    appended: Timestamp,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Range<usize>,
}

impl Run {
    /// Adds a record behind the others.
    pub(crate) fn push(&mut self, message: &BorrowedMessage<'_>) {
        let key = message.key().map(|bytes| self.copy(bytes));
        let value = message.payload().map(|bytes| self.copy(bytes));
        let first = self.headers.len();
        for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
            let value = header.value.map(|bytes| self.copy(bytes));
            self.headers.push((CompactString::new(header.key), value));
        }
        self.raws.push(Raw {
            position: position(message.offset()),
            appended: appended(message.timestamp()),
            key,
            value,
            headers: first..self.headers.len(),
        });
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        start..self.buffer.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.raws.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.raws.is_empty()
    }

    /// The bytes of keys, values and the values of headers so far.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The records, and the bytes of all.
    pub(crate) fn finish(&mut self) -> (Vec<Received>, usize) {
        let capacity = self.buffer.len();
        let buffer = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(capacity)));
        let cut = |range: Option<Range<usize>>| range.map(|range| buffer.slice(range));
        let mut names = self.headers.drain(..);
        let mut bytes = 0;
        let rows = self.raws.drain(..).map(|raw| {
            let headers = names.by_ref().take(raw.headers.len());
            let headers: Headers = headers.map(|(name, value)| (name, cut(value))).collect();
            let record = Record { key: cut(raw.key), value: cut(raw.value), headers };
            bytes += record.size();
            Received { position: raw.position, appended: raw.appended, body: Body::Record(record) }
        });
        (rows.collect(), bytes)
    }
}

/// An offset as a position; what librdkafka delivers is never negative.
pub(crate) fn position(offset: i64) -> Position {
    Position::new(u64::try_from(offset).unwrap_or(0))
}

/// A position as an offset.
pub(crate) fn offset(position: Position) -> i64 {
    i64::try_from(position.value()).unwrap_or(i64::MAX)
}

fn appended(stamp: Stamp) -> Timestamp {
    Timestamp::from_unix_millis(stamp.to_millis().unwrap_or(0))
}

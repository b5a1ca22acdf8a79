//! The log of one partition: what was appended, in order, and still kept.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use laneway_domain::{Position, Received, Timestamp};

use crate::piece::{Bound, Piece};

/// A piece of this many events is a chunk of its own; smaller ones are gathered in the tail.
const OWN_CHUNK: usize = 64;
/// The tail becomes a chunk at this many events, or when it is read.
const TAIL: usize = 512;

/// Events in order, from position 0, without holes. The oldest go by whole chunks.
///
/// Chunks are shared with readers and never change; only the tail does.
#[derive(Debug)]
pub(crate) struct Log {
    chunks: VecDeque<Chunk>,
    tail: Vec<Received>,
    tail_bytes: usize,
    next: u64,
    kept: Bound,
    chunk: Bound,
    newest: Timestamp,
}

/// Events that no longer change.
#[derive(Debug)]
pub(crate) struct Chunk {
    base: u64,
    bytes: usize,
    rows: Arc<Vec<Received>>,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.base + self.rows.len() as u64
    }
}

/// What reading at a cursor found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing yet.
    End,
    /// The cursor's event is gone; this is the oldest that is kept.
    Gone(u64),
    /// Events.
    Stretch(Stretch),
}

/// The rest of a chunk.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) rows: Arc<Vec<Received>>,
    /// Where the cursor stands within `rows`.
    pub(crate) from: usize,
    /// The bytes of the whole chunk.
    pub(crate) bytes: usize,
    /// The position behind the last event of the log.
    pub(crate) log_end: u64,
}

/// What a log may give up to make room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How much may be kept.
    pub(crate) limit: Bound,
    /// Everything before this position may go.
    pub(crate) floor: u64,
    /// The time on the wall.
    pub(crate) at: Timestamp,
}

impl Log {
    /// An empty log whose chunks hold at most `chunk`.
    pub(crate) fn new(chunk: Bound) -> Self {
        let kept = Bound { events: 0, bytes: 0 };
        Self {
            chunks: VecDeque::new(),
            tail: Vec::new(),
            tail_bytes: 0,
            next: 0,
            kept,
            chunk,
            newest: Timestamp::from_unix_nanos(i64::MIN),
        }
    }

    /// Changes what chunks hold at most from now on.
    pub(crate) fn resize_chunks(&mut self, chunk: Bound) {
        self.chunk = chunk;
    }

    /// The position of the oldest event that is kept; [`Log::next`] where none is.
    pub(crate) fn oldest(&self) -> u64 {
        self.next - self.kept.events as u64
    }

    /// The position that the next event gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    fn tail_base(&self) -> u64 {
        self.next - self.tail.len() as u64
    }

    /// Appends from the front of `pieces` as much as there is room for, giving up what the terms allow. Says through
    /// `appended` which positions were given, and puts into `dropped` what is to be freed without the lock.
    pub(crate) fn append(
        &mut self,
        pieces: &mut VecDeque<Piece>,
        terms: Terms,
        appended: &mut Vec<Range<u64>>,
        dropped: &mut Vec<Chunk>,
    ) {
        while let Some(mut piece) = pieces.pop_front() {
            self.make_room(&piece, terms, dropped);
            if self.fits(&piece, terms.limit) {
                appended.push(self.push(piece, terms.at));
                continue;
            }
            let front = piece.cut(self.room(terms.limit));
            pieces.push_front(piece);
            match front {
                Some(front) => appended.push(self.push(front, terms.at)),
                None => break,
            }
        }
    }

    fn fits(&self, piece: &Piece, limit: Bound) -> bool {
        let room = self.room(limit);
        piece.rows.len() <= room.events && piece.bytes <= room.bytes
    }

    fn room(&self, limit: Bound) -> Bound {
        Bound {
            events: limit.events.saturating_sub(self.kept.events),
            bytes: limit.bytes.saturating_sub(self.kept.bytes),
        }
    }

    fn make_room(&mut self, piece: &Piece, terms: Terms, dropped: &mut Vec<Chunk>) {
        while !self.fits(piece, terms.limit) {
            if self.chunks.is_empty() {
                self.seal();
            }
            let Some(chunk) = self.chunks.pop_front_if(|chunk| chunk.end() <= terms.floor) else { break };
            self.kept.events -= chunk.rows.len();
            self.kept.bytes -= chunk.bytes;
            dropped.push(chunk);
        }
    }

    /// Appends a piece; the positions it got. Times never go back within a log, so it can be searched by time.
    fn push(&mut self, piece: Piece, at: Timestamp) -> Range<u64> {
        let Piece { mut rows, bytes } = piece;
        let (base, events) = (self.next, rows.len());
        self.newest = self.newest.max(at);
        for (position, row) in (base..).zip(&mut rows) {
            row.position = Position::new(position);
            row.appended = self.newest;
        }
        let own = events >= OWN_CHUNK || events >= self.chunk.events;
        if own || self.tail.len() + events > self.tail_limit() || self.tail_bytes + bytes > self.chunk.bytes {
            self.seal();
        }
        self.next += events as u64;
        self.kept.events += events;
        self.kept.bytes += bytes;
        if own {
            self.chunks.push_back(Chunk { base, bytes, rows: Arc::new(rows) });
        } else {
            self.tail_bytes += bytes;
            self.gather(rows);
        }
        base..self.next
    }

    fn tail_limit(&self) -> usize {
        self.chunk.events.min(TAIL)
    }

    fn gather(&mut self, mut rows: Vec<Received>) {
        if self.tail.is_empty() {
            self.tail = rows;
            return;
        }
        if self.tail.capacity() - self.tail.len() < rows.len() {
            // Growing by four copies a third of what doubling does; sealing gives back what was not needed.
            let capacity = (self.tail.capacity() * 4).min(self.tail_limit());
            self.tail.reserve_exact(capacity.saturating_sub(self.tail.len()).max(rows.len()));
        }
        self.tail.append(&mut rows);
    }

    /// Makes a chunk of the tail, without the room it had to grow.
    fn seal(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let base = self.tail_base();
        let mut rows = std::mem::take(&mut self.tail);
        let bytes = std::mem::take(&mut self.tail_bytes);
        if rows.capacity() - rows.len() > rows.len() / 8 {
            rows.shrink_to_fit();
        }
        self.chunks.push_back(Chunk { base, bytes, rows: Arc::new(rows) });
    }

    /// What stands at `cursor`, and behind it in the same chunk.
    pub(crate) fn read(&mut self, cursor: u64) -> Found {
        if cursor < self.oldest() {
            return Found::Gone(self.oldest());
        }
        if cursor >= self.next {
            return Found::End;
        }
        if cursor >= self.tail_base() {
            self.seal();
        }
        match self.chunk_at(cursor) {
            Some(chunk) => Found::Stretch(Stretch {
                rows: chunk.rows.clone(),
                from: usize::try_from(cursor - chunk.base).unwrap_or(usize::MAX),
                bytes: chunk.bytes,
                log_end: self.next,
            }),
            None => Found::End,
        }
    }

    fn chunk_at(&self, position: u64) -> Option<&Chunk> {
        // Readers that keep up read the newest chunk.
        let newest = self.chunks.back().filter(|chunk| chunk.base <= position);
        newest.or_else(|| self.chunks.get(self.chunks.partition_point(|chunk| chunk.end() <= position)))
    }

    fn row(&self, position: u64) -> Option<&Received> {
        let (rows, base) = match position.checked_sub(self.tail_base()) {
            Some(_) => (&self.tail, self.tail_base()),
            None => self.chunk_at(position).map(|chunk| (&*chunk.rows, chunk.base))?,
        };
        rows.get(usize::try_from(position.checked_sub(base)?).ok()?)
    }

    /// When the event at `position` was appended, where it is kept.
    pub(crate) fn appended(&self, position: u64) -> Option<Timestamp> {
        self.row(position).map(|row| row.appended)
    }

    /// The position of the first kept event that was appended at `at` or later; [`Log::next`] where none was.
    pub(crate) fn first_since(&self, at: Timestamp) -> u64 {
        let (mut low, mut high) = (self.oldest(), self.next);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.appended(middle) {
                Some(appended) if appended < at => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

#[cfg(test)]
mod tests;

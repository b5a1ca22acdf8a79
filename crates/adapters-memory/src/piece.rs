//! Pieces: what publishing builds without a lock, and a log takes whole.

use laneway_domain::{Body, Envelope, Position, Received, Timestamp};

/// How many events and bytes something may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Bound {
    /// This bound and `percent` of it on top, rounded up.
    pub(crate) fn with_reserve(self, percent: u8) -> Self {
        let more = |n: usize| n.saturating_add(n.saturating_mul(usize::from(percent)).div_ceil(100));
        Self { events: more(self.events), bytes: more(self.bytes) }
    }

    /// The most that one chunk of a log with this bound holds: room comes back by whole chunks, so a chunk is at most
    /// an eighth of it, and short enough that no reader holds much of the log in memory by holding one chunk.
    pub(crate) fn chunk(self) -> Self {
        Self { events: (self.events / 8).clamp(1, 1_024), bytes: (self.bytes / 8).max(1) }
    }
}

/// Events of one partition on their way into its log. Their positions are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) rows: Vec<Received>,
    pub(crate) bytes: usize,
}

impl Piece {
    pub(crate) fn with_capacity(events: usize) -> Self {
        Self { rows: Vec::with_capacity(events), bytes: 0 }
    }

    /// Takes an event of `bytes` bytes.
    #[inline]
    pub(crate) fn push(&mut self, envelope: Envelope, bytes: usize) {
        let (position, appended) = (Position::new(0), Timestamp::default());
        self.rows.push(Received { position, appended, body: Body::Event(envelope) });
        self.bytes += bytes;
    }

    /// Whether an event of `bytes` bytes would make more than a chunk of it; never the first one.
    #[inline]
    pub(crate) fn is_full(&self, bytes: usize, chunk: Bound) -> bool {
        !self.rows.is_empty() && (self.rows.len() >= chunk.events || self.bytes + bytes > chunk.bytes)
    }

    /// Cuts off the first events that stay within `room`; nothing where not even one does.
    pub(crate) fn cut(&mut self, room: Bound) -> Option<Self> {
        let mut bytes = 0;
        let fitting = self.rows.iter().take(room.events).take_while(|row| {
            bytes += row.body.size();
            bytes <= room.bytes
        });
        let fitting = fitting.count();
        if fitting == 0 {
            return None;
        }
        let rest = self.rows.split_off(fitting);
        let mut front = std::mem::replace(&mut self.rows, rest);
        front.shrink_to_fit();
        let bytes = front.iter().map(|row| row.body.size()).sum();
        self.bytes -= bytes;
        Some(Self { rows: front, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::TopicName;

    fn piece(sizes: &[usize]) -> Piece {
        let mut piece = Piece::default();
        for size in sizes {
            piece.push(Envelope::new(TopicName::new("t").unwrap(), vec![0; *size]), *size);
        }
        piece
    }

    #[test]
    fn a_cut_takes_what_fits_and_leaves_the_rest_in_order() {
        let mut rest = piece(&[3, 4, 5]);
        let front = rest.cut(Bound { events: 9, bytes: 7 }).unwrap();
        assert_eq!((front.rows.len(), front.bytes), (2, 7));
        assert_eq!((rest.rows.len(), rest.bytes), (1, 5));
        assert!(rest.cut(Bound { events: 9, bytes: 4 }).is_none());
        assert!(rest.cut(Bound { events: 0, bytes: 9 }).is_none());
    }

    #[test]
    fn the_first_event_of_a_piece_may_be_larger_than_a_chunk() {
        let chunk = Bound { events: 2, bytes: 10 };
        assert!(!piece(&[]).is_full(11, chunk));
        assert!(piece(&[6]).is_full(5, chunk) && !piece(&[6]).is_full(4, chunk));
        assert!(piece(&[1, 1]).is_full(1, chunk));
    }

    #[test]
    fn a_reserve_is_rounded_up_so_that_a_small_log_has_one_too() {
        let bound = Bound { events: 2, bytes: 100 };
        assert_eq!(bound.with_reserve(25), Bound { events: 3, bytes: 125 });
        assert_eq!(bound.with_reserve(0), bound);
        assert_eq!(bound.chunk(), Bound { events: 1, bytes: 12 });
    }
}

use super::*;
use laneway_domain::{Body, Envelope, TopicName};
use proptest::prelude::*;

fn pieces(sizes: &[usize], chunk: Bound) -> VecDeque<Piece> {
    let (topic, mut pieces) = (TopicName::new("t").unwrap(), VecDeque::from([Piece::default()]));
    for size in sizes {
        if pieces.back().unwrap().is_full(*size, chunk) {
            pieces.push_back(Piece::default());
        }
        pieces.back_mut().unwrap().push(Envelope::new(topic.clone(), vec![0; *size]), *size);
    }
    pieces
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_millis(second * 1_000)
}

/// A log with room for `events` events and any number of bytes.
struct Bench {
    log: Log,
    limit: Bound,
    dropped: Vec<Chunk>,
}

impl Bench {
    fn new(events: usize) -> Self {
        let limit = Bound { events, bytes: 1 << 30 };
        Self { log: Log::new(limit.chunk()), limit, dropped: Vec::new() }
    }

    /// Appends events of these sizes; how many were appended.
    fn append(&mut self, sizes: &[usize], floor: u64, at: Timestamp) -> u64 {
        let (mut pieces, mut spans) = (pieces(sizes, self.limit.chunk()), Vec::new());
        let terms = Terms { limit: self.limit, floor, at };
        self.log.append(&mut pieces, terms, &mut spans, &mut self.dropped);
        spans.into_iter().map(|span| span.end - span.start).sum()
    }

    fn chunks(&self) -> Vec<usize> {
        self.log.chunks.iter().map(|chunk| chunk.rows.len()).collect()
    }
}

#[test]
fn a_large_piece_is_a_chunk_and_small_ones_are_gathered_until_they_are_read() {
    let mut bench = Bench::new(65_536);
    bench.append(&[1; 3], 0, at(0));
    bench.append(&[1; 4], 0, at(0));
    assert_eq!((bench.chunks(), bench.log.tail.len()), (vec![], 7));
    bench.append(&[1; OWN_CHUNK], 0, at(0));
    assert_eq!((bench.chunks(), bench.log.tail.len()), (vec![7, OWN_CHUNK], 0));
    bench.append(&[1; 2], 0, at(0));
    assert!(matches!(bench.log.read(70), Found::Stretch(_)));
    assert_eq!(bench.log.tail.len(), 2, "a reader of older events leaves the tail alone");
    assert!(matches!(bench.log.read(72), Found::Stretch(_)));
    assert_eq!(bench.chunks(), [7, OWN_CHUNK, 2]);
    for _ in 0..TAIL {
        bench.append(&[1], 0, at(0));
    }
    bench.append(&[1], 0, at(0));
    assert_eq!((bench.chunks().last(), bench.log.tail.len()), (Some(&TAIL), 1));
}

#[test]
fn a_sealed_tail_keeps_no_room_to_grow() {
    let mut bench = Bench::new(65_536);
    for _ in 0..9 {
        bench.append(&[1], 0, at(0));
    }
    bench.log.read(0);
    let rows = &bench.log.chunks[0].rows;
    assert!(rows.capacity() <= rows.len() + rows.len() / 8, "{}", rows.capacity());
}

#[test]
fn a_chunk_is_at_most_an_eighth_of_what_is_kept() {
    let mut bench = Bench::new(80);
    bench.append(&[1; 75], 0, at(0));
    bench.log.read(74);
    assert_eq!(bench.chunks(), [10, 10, 10, 10, 10, 10, 10, 5]);
}

#[test]
fn only_what_lies_before_the_floor_makes_room_and_only_when_room_is_needed() {
    let mut bench = Bench::new(16);
    assert_eq!(bench.append(&[1; 16], 0, at(0)), 16);
    assert_eq!(bench.append(&[1; 4], 3, at(0)), 2, "the chunk that the floor cuts stays whole");
    assert_eq!(bench.log.oldest(), 2);
    assert_eq!(bench.append(&[1], 18, at(0)), 1);
    assert_eq!(bench.log.oldest(), 4, "what may go stays as long as nobody needs its room");
    assert_eq!(bench.dropped.len(), 2);
}

#[test]
fn even_a_tail_that_nobody_read_makes_room() {
    let mut bench = Bench::new(1_000);
    bench.limit.bytes = 100;
    bench.append(&[60], 0, at(0));
    assert_eq!(bench.append(&[60], 0, at(0)), 0);
    assert_eq!(bench.append(&[60], 1, at(0)), 1);
    assert_eq!((bench.log.oldest(), bench.log.kept.bytes), (1, 60));
}

#[test]
fn times_never_go_back_so_that_they_can_be_searched() {
    let mut bench = Bench::new(1_000);
    for (second, events) in [(5, 3), (4, 2), (9, 100)] {
        bench.append(&vec![1; events], 0, at(second));
    }
    assert_eq!(bench.log.appended(4), Some(at(5)));
    assert_eq!(bench.log.first_since(at(5)), 0);
    assert_eq!(bench.log.first_since(at(6)), 5);
    assert_eq!(bench.log.first_since(at(10)), 105);
}

/// What the log is meant to be, without chunks: every event with its size, the oldest ones crossed out.
#[derive(Default)]
struct Model {
    sizes: Vec<usize>,
    times: Vec<Timestamp>,
}

#[derive(Debug, Clone)]
enum Step {
    Append { sizes: Vec<usize>, floor: u64, at: i64 },
    Read { cursor: u64 },
    Since { at: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sizes =
        prop_oneof![prop::collection::vec(1..20usize, 1..6), prop::collection::vec(1..4usize, 60..90)];
    let append =
        (sizes, 0..400u64, 0..50i64).prop_map(|(sizes, floor, at)| Step::Append { sizes, floor, at });
    let read = (0..600u64).prop_map(|cursor| Step::Read { cursor });
    let since = (0..60i64).prop_map(|at| Step::Since { at });
    prop::collection::vec(prop_oneof![4 => append, 3 => read, 1 => since], 1..60)
}

impl Model {
    fn check(&self, log: &Log, limit: Bound) {
        let next = self.sizes.len() as u64;
        assert_eq!(log.next(), next);
        let oldest = usize::try_from(log.oldest()).unwrap();
        let kept = Bound { events: self.sizes.len() - oldest, bytes: self.sizes[oldest..].iter().sum() };
        assert_eq!(log.kept, kept);
        assert!(kept.events <= limit.events && kept.bytes <= limit.bytes, "{kept:?}");
        assert!(log.chunks.iter().all(|chunk| chunk.rows.len() <= limit.chunk().events));
    }

    fn read(&self, log: &mut Log, cursor: u64) {
        match log.read(cursor) {
            Found::Gone(oldest) => assert!(cursor < oldest && oldest == log.oldest()),
            Found::End => assert!(cursor >= log.next()),
            Found::Stretch(Stretch { rows, from, bytes, log_end }) => {
                assert_eq!((rows[from].position, log_end), (Position::new(cursor), log.next()));
                for row in &*rows {
                    let at = usize::try_from(row.position.value()).unwrap();
                    assert_eq!((row.body.size(), row.appended), (self.sizes[at], self.times[at]));
                }
                assert_eq!(bytes, rows.iter().map(|row| row.body.size()).sum::<usize>());
            }
        }
    }

    fn append(&mut self, log: &mut Log, limit: Bound, (sizes, floor, at): (&[usize], u64, Timestamp)) {
        let (oldest, mut pieces, mut spans) = (log.oldest(), pieces(sizes, limit.chunk()), Vec::new());
        let mut dropped = Vec::new();
        log.append(&mut pieces, Terms { limit, floor, at }, &mut spans, &mut dropped);
        let given: Vec<u64> = spans.into_iter().flatten().collect();
        let left: usize = pieces.iter().map(|piece| piece.rows.len()).sum();
        assert_eq!(given.len() + left, sizes.len());
        let first = self.sizes.len() as u64;
        assert!(given.iter().copied().eq(first..first + given.len() as u64));
        let time = self.times.last().copied().unwrap_or(at).max(at);
        self.times.extend(given.iter().map(|_| time));
        self.sizes.extend(&sizes[..given.len()]);
        assert!(log.oldest() <= floor.max(oldest), "what the floor protects is kept");
        if left > 0 {
            let next = sizes[given.len()];
            assert!(
                log.kept.events + 1 > limit.events || log.kept.bytes + next > limit.bytes,
                "room is left"
            );
            assert!(log.chunks.front().is_none_or(|chunk| chunk.end() > floor), "room could be made");
        }
    }
}

proptest! {
    #[test]
    fn the_log_does_what_a_plain_list_does(steps in steps()) {
        let limit = Bound { events: 150, bytes: 300 };
        let (mut log, mut model) = (Log::new(limit.chunk()), Model::default());
        for step in steps {
            match step {
                Step::Append { sizes, floor, at: second } => {
                    model.append(&mut log, limit, (&sizes, floor, at(second)));
                }
                Step::Read { cursor } => model.read(&mut log, cursor),
                Step::Since { at: second } => {
                    let oldest = usize::try_from(log.oldest()).unwrap();
                    let found = model.times[oldest..].iter().position(|time| *time >= at(second));
                    let expected = found.map_or(log.next(), |found| (oldest + found) as u64);
                    prop_assert_eq!(log.first_since(at(second)), expected);
                }
            }
            model.check(&log, limit);
        }
    }
}

#[test]
fn readers_share_a_chunk_instead_of_copying_it() {
    let mut bench = Bench::new(1_000);
    bench.append(&[1; 100], 0, at(0));
    let rows = |found| match found {
        Found::Stretch(stretch) => stretch.rows,
        Found::End | Found::Gone(_) => panic!("nothing found"),
    };
    let (a, b) = (rows(bench.log.read(0)), rows(bench.log.read(50)));
    assert!(Arc::ptr_eq(&a, &b));
    assert!(matches!(a[0].body, Body::Event(_)));
}

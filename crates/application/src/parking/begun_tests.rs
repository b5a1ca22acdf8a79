//! What the store is told of entries that are under way.

use laneway_domain::{
    AggregateId, Body, HandlerMask, ParkEntry, ParkState, Received, Record, Timestamp, TopicName,
};

use super::*;

const OURS: u32 = 1;
const THEIRS: u32 = 2;

fn key(name: &str) -> AggregateKey {
    let (topic, id) = (TopicName::new("t").unwrap(), AggregateId::new(name).unwrap());
    AggregateKey { topic, tenant: None, id }
}

fn at(position: u64) -> Position {
    Position::new(position)
}

fn begun(crashes: u32, by: u32) -> Begun {
    Begun { crashes, by: Some(by) }
}

fn entry(aggregate: &str, position: u64, begun: Begun) -> ParkEntry {
    let (appended, body) = (Timestamp::default(), Body::Record(Record::default()));
    let state = ParkState::Backoff { due: appended, attempts: 1, handlers: HandlerMask::ALL };
    let event = Received { position: at(position), appended, body };
    ParkEntry { key: Some(key(aggregate)), event, state, begun }
}

/// A page, as it is fed.
fn page(aggregate: &str, entries: &[(u64, Begun)]) -> Feed {
    let entries = entries.iter().map(|(position, begun)| entry(aggregate, *position, *begun)).collect();
    Feed { key: Some(key(aggregate)), entries, upto: None, loose: false, suspected: Vec::new() }
}

struct Bench {
    under_way: UnderWay,
    verdicts: Verdicts,
    deeds: Vec<Deed>,
}

impl Bench {
    fn new() -> Self {
        let under_way = UnderWay::new(Some(Counting { process: OURS, after: 2 }));
        Self { under_way, verdicts: Verdicts::default(), deeds: Vec::new() }
    }

    fn begin(&mut self, feed: Feed) {
        self.under_way.begin(feed, &mut self.verdicts, &mut self.deeds);
    }

    /// Writes what waits; what was written of each entry.
    fn write(&mut self) -> Vec<(u64, Begun)> {
        let begun = |(position, verdict): (Position, Resolution)| {
            let Resolution::Begun(begun) = verdict else { panic!("{verdict:?}") };
            (position.value(), begun)
        };
        let written = self.verdicts.take().into_iter().map(begun).collect();
        self.verdicts.are_written();
        self.under_way.written(&self.verdicts, &mut self.deeds);
        written
    }

    /// What was fed, and of that who is suspected.
    fn fed(&mut self) -> Vec<Vec<(Position, u32)>> {
        let suspected = |deed| match deed {
            Deed::Feed(feed) => feed.suspected,
            deed => panic!("{deed:?}"),
        };
        self.deeds.drain(..).map(suspected).collect()
    }
}

#[test]
fn a_page_goes_into_its_lane_when_the_store_knows_that_it_has_begun() {
    let mut bench = Bench::new();
    bench.begin(page("a", &[(1, Begun::default()), (2, begun(0, THEIRS)), (3, begun(0, OURS))]));
    assert!(bench.fed().is_empty());
    assert_eq!(bench.write(), [(1, begun(0, OURS)), (2, begun(1, OURS)), (3, begun(0, OURS))]);
    assert_eq!(bench.fed(), [[]]);
}

#[test]
fn who_is_suspected_has_begun_only_while_it_is_named() {
    let mut bench = Bench::new();
    bench.begin(page("a", &[(1, begun(1, THEIRS)), (2, begun(2, THEIRS))]));
    assert_eq!(bench.fed(), [[(at(1), 2), (at(2), 3)]], "the store knows of both");
    bench.under_way.name(&[at(1)].into(), &mut bench.verdicts);
    assert_eq!(bench.write(), [(1, begun(2, OURS))]);
    bench.under_way.name(&[at(2)].into(), &mut bench.verdicts);
    assert_eq!(bench.write(), [(1, Begun { crashes: 2, by: None }), (2, begun(3, OURS))]);
    bench.under_way.over(at(2));
    bench.under_way.name(&BTreeSet::new(), &mut bench.verdicts);
    assert_eq!(bench.write(), [], "its verdict says all");
}

#[test]
fn what_did_not_run_is_given_back_as_it_was() {
    let mut bench = Bench::new();
    let before = Begun { crashes: 1, by: None };
    bench.begin(page("a", &[(1, before), (2, begun(5, THEIRS))]));
    bench.begin(page("b", &[(3, Begun::default())]));
    bench.write();
    bench.under_way.give_back_of(&key("a"), &mut bench.verdicts);
    assert_eq!(bench.write(), [(1, before)]);
    bench.under_way.give_back_all(&mut bench.verdicts);
    assert_eq!(bench.write(), [(3, Begun::default())]);
    bench.fed();
    bench.begin(page("a", &[(1, before)]));
    assert!(bench.fed().is_empty() && bench.write().is_empty(), "nothing begins in a tenure that ends");
}

#[test]
fn where_nobody_counts_nothing_is_told() {
    let mut bench = Bench { under_way: UnderWay::new(None), ..Bench::new() };
    bench.begin(page("a", &[(1, begun(9, THEIRS))]));
    assert_eq!((bench.fed(), bench.write()), (vec![vec![]], vec![]));
}

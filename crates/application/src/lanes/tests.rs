//! The table against a model that is too simple to be wrong.

use std::collections::{BTreeMap, VecDeque};

use laneway_domain::Monotonic;
use proptest::prelude::*;

use super::*;
use crate::lanes::{Admitted, LaneId, Opened, Phase, Start, Ticket};
use crate::policy::{FlowLimits, RateLimit};

/// Two hashes for all keys, so that lanes collide all the time.
const fn hash(key: u32) -> u64 {
    (key % 2) as u64
}

/// The row of a ticket says its key.
const KEYS: u32 = 5;

const fn key(ticket: Ticket) -> u32 {
    ticket.row % KEYS
}

/// Of each key, two of them without.
const fn tenant(key: u32) -> Option<&'static str> {
    match key % 3 {
        0 => None,
        1 => Some("a"),
        _ => Some("b"),
    }
}

fn started(lanes: &mut Lanes) -> LaneId {
    match lanes.start(Monotonic::ZERO) {
        Start::Head(lane, _) => lane,
        Start::Idle { .. } => panic!("nothing may start"),
    }
}

#[derive(Default)]
struct Model {
    queues: BTreeMap<u32, VecDeque<Ticket>>,
    running: BTreeMap<u32, LaneId>,
    closed: BTreeMap<u32, LaneId>,
    /// Lanes whose aggregate is parked, and whether they rest at their marker.
    parked: BTreeMap<u32, (LaneId, bool)>,
}

/// The run of markers; nobody takes it away.
const MARKERS: u32 = 9;

#[derive(Debug, Clone)]
enum Step {
    Admit { run: u32, key: u32 },
    Start,
    Finish(usize),
    Retry(usize, u64),
    Bury(usize),
    Buried(usize),
    Due(u64),
    Revoke(u32),
    Park(usize),
    Learn(u32),
    Feed { at: usize, events: u32, last: bool },
    Open(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3u32, 0..KEYS).prop_map(|(run, key)| Step::Admit { run, key }),
        5 => Just(Step::Start),
        4 => any::<usize>().prop_map(Step::Finish),
        1 => (any::<usize>(), 0..2_000u64).prop_map(|(lane, due)| Step::Retry(lane, due)),
        1 => any::<usize>().prop_map(Step::Bury),
        1 => any::<usize>().prop_map(Step::Buried),
        2 => (0..2_000u64).prop_map(Step::Due),
        1 => (0..3u32).prop_map(Step::Revoke),
        1 => any::<usize>().prop_map(Step::Park),
        1 => (0..KEYS).prop_map(Step::Learn),
        2 => (any::<usize>(), 1..4u32, any::<bool>())
            .prop_map(|(at, events, last)| Step::Feed { at, events, last }),
        1 => any::<usize>().prop_map(Step::Open),
    ];
    prop::collection::vec(step, 0..200)
}

struct Bench {
    lanes: Lanes,
    model: Model,
    rows: u32,
    now: u64,
}

impl Bench {
    /// Limits, where there are any: a start a microsecond of a tenant, and as many of both together.
    fn new(limited: bool) -> Self {
        let limit = limited.then_some(RateLimit { per_second: 1_000_000.0, burst: 2 });
        let flow = FlowLimits { subscription: limit, tenant: limit, ..FlowLimits::default() };
        let lanes = Lanes::within(Arc::new(Quotas::new(flow)), 0, 3);
        Self { lanes, model: Model::default(), rows: 0, now: 0 }
    }

    fn pick(of: &BTreeMap<u32, LaneId>, at: usize) -> Option<(u32, LaneId)> {
        of.iter().nth(at % of.len().max(1)).map(|(key, lane)| (*key, *lane))
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Admit { run, key: wanted } => self.admit(run, wanted),
            Step::Start => self.start()?,
            Step::Finish(at) => {
                if let Some((key, lane)) = Self::pick(&self.model.running, at) {
                    self.model.running.remove(&key);
                    self.finish(key, lane)?;
                }
            }
            Step::Retry(at, due) => {
                if let Some((key, lane)) = Self::pick(&self.model.running, at) {
                    self.model.running.remove(&key);
                    self.lanes.retry(lane, Monotonic::from_nanos(self.now + due));
                }
            }
            Step::Bury(at) => {
                if let Some((key, lane)) = Self::pick(&self.model.running, at) {
                    self.model.running.remove(&key);
                    self.model.closed.insert(key, lane);
                    self.lanes.bury(lane);
                }
            }
            Step::Buried(at) => {
                if let Some((key, lane)) = Self::pick(&self.model.closed, at) {
                    self.model.closed.remove(&key);
                    self.finish(key, lane)?;
                }
            }
            Step::Due(wait) => {
                self.now += wait;
                self.lanes.due(Monotonic::from_nanos(self.now));
            }
            Step::Revoke(run) => self.revoke(run)?,
            Step::Park(at) => self.park(at)?,
            Step::Learn(key) => self.learn(key),
            Step::Feed { at, events, last } => self.feed(at, events, last)?,
            Step::Open(at) => self.open(at)?,
        }
        Ok(())
    }

    fn admit(&mut self, run: u32, wanted: u32) {
        let ticket = Ticket { run, row: self.rows * KEYS + wanted };
        self.rows += 1;
        let is_parked = self.model.parked.get(&wanted).is_some_and(|(lane, _)| self.lanes.is_parked(*lane));
        let admitted = self.lanes.admit(hash(wanted), tenant(wanted), ticket, |other| key(other) == wanted);
        assert_eq!(matches!(admitted, Admitted::Parked(_)), is_parked, "the store alone takes what follows");
        if is_parked {
            return;
        }
        let queue = self.model.queues.entry(wanted).or_default();
        queue.push_back(ticket);
        assert_eq!(matches!(admitted, Admitted::Ready(_)), queue.len() == 1);
    }

    fn start(&mut self) -> Result<(), TestCaseError> {
        let (lane, ticket) = match self.lanes.start(Monotonic::from_nanos(self.now)) {
            Start::Head(lane, ticket) => (lane, ticket),
            Start::Idle { until } => return self.idle(until),
        };
        let key = key(ticket);
        prop_assert_eq!(self.model.queues[&key].front(), Some(&ticket), "not the oldest of its aggregate");
        prop_assert!(!self.model.running.contains_key(&key), "two of one aggregate run");
        prop_assert!(
            !self.model.closed.contains_key(&key),
            "a dead letter's follower started before it was buried"
        );
        if ticket.run == MARKERS {
            self.lanes.refund(lane);
            self.lanes.rest(lane);
            self.model.parked.insert(key, (lane, true));
        } else {
            self.model.running.insert(key, lane);
        }
        Ok(())
    }

    /// Nothing starts: nothing is ready, or all of it waits for a token that is to come.
    fn idle(&self, until: Monotonic) -> Result<(), TestCaseError> {
        let (ready, throttled) = (self.lanes.ready(), self.lanes.census().throttled);
        prop_assert!(until.nanos() > self.now);
        // It may wake for a tenant that is gone.
        prop_assert_eq!(throttled, ready);
        prop_assert!(ready == 0 || until != Monotonic::NEVER, "nobody comes back for what is ready");
        Ok(())
    }

    fn ticket(&mut self, run: u32, of: u32) -> Ticket {
        self.rows += 1;
        Ticket { run, row: self.rows * KEYS + of }
    }

    /// A running head goes to the store, with what is behind it.
    fn park(&mut self, at: usize) -> Result<(), TestCaseError> {
        let Some((key, lane)) = Self::pick(&self.model.running, at) else { return Ok(()) };
        self.model.running.remove(&key);
        let marker = self.ticket(MARKERS, key);
        let (now, behind) = self.lanes.park(lane, marker);
        prop_assert_eq!(self.lanes.phase(lane), None, "the old name means the head that left");
        let queue = self.model.queues.entry(key).or_default();
        prop_assert_eq!(behind, queue.iter().skip(1).copied().collect::<Vec<_>>());
        *queue = VecDeque::from([marker]);
        self.model.parked.insert(key, (now, true));
        Ok(())
    }

    /// An aggregate was parked before: its marker queues behind whatever is in its lane.
    fn learn(&mut self, wanted: u32) {
        if self.model.parked.contains_key(&wanted) {
            return;
        }
        let marker = self.ticket(MARKERS, wanted);
        let lane =
            self.lanes.admit_parked(hash(wanted), tenant(wanted), marker, |other| key(other) == wanted);
        let queue = self.model.queues.entry(wanted).or_default();
        queue.push_back(marker);
        let rests = queue.len() == 1;
        self.model.parked.insert(wanted, (lane, rests));
    }

    fn resting(&self, at: usize) -> Option<(u32, LaneId)> {
        let resting = || self.model.parked.iter().filter(|(_, (_, rests))| *rests);
        resting().nth(at % resting().count().max(1)).map(|(key, (lane, _))| (*key, *lane))
    }

    /// A page comes back, with a marker behind it; behind the last one what arrives queues.
    fn feed(&mut self, at: usize, events: u32, last: bool) -> Result<(), TestCaseError> {
        let Some((key, lane)) = self.resting(at).filter(|(_, lane)| self.lanes.is_parked(*lane)) else {
            return Ok(());
        };
        for run in (0..events).map(|_| 0).chain([MARKERS]) {
            let ticket = self.ticket(run, key);
            self.lanes.feed(lane, ticket);
            self.model.queues.entry(key).or_default().push_back(ticket);
        }
        if last {
            self.lanes.unpark(lane);
        }
        self.model.parked.insert(key, (lane, false));
        self.finish(key, lane)
    }

    /// The store has nothing left.
    fn open(&mut self, at: usize) -> Result<(), TestCaseError> {
        let Some((key, lane)) = self.resting(at) else { return Ok(()) };
        self.model.parked.remove(&key);
        self.lanes.unpark(lane);
        self.finish(key, lane)
    }

    fn finish(&mut self, key: u32, lane: LaneId) -> Result<(), TestCaseError> {
        let queue = self.model.queues.get_mut(&key).unwrap();
        queue.pop_front();
        let opened = self.lanes.finish(lane);
        prop_assert_eq!(opened == Opened::Gone, queue.is_empty());
        if opened == Opened::Gone {
            prop_assert_eq!(self.lanes.finish(lane), Opened::Late);
        }
        Ok(())
    }

    fn revoke(&mut self, run: u32) -> Result<(), TestCaseError> {
        let mut forgotten = Vec::new();
        for (before, now) in self.lanes.forget(|ticket| ticket.run == run, |ticket| forgotten.push(ticket)) {
            let known = self.model.parked.values_mut().filter(|(lane, _)| *lane == before);
            known.for_each(|(lane, _)| *lane = now);
        }
        let mut expected: Vec<Ticket> = Vec::new();
        for (key, queue) in &mut self.model.queues {
            let runs = self.model.running.contains_key(key);
            let head = queue.front().copied();
            let kept = |ticket: &Ticket| ticket.run != run || (runs && Some(*ticket) == head);
            expected.extend(queue.iter().filter(|ticket| !kept(ticket)).copied());
            queue.retain(kept);
            if queue.front().copied() != head {
                self.model.closed.remove(key);
            }
        }
        forgotten.sort_by_key(|ticket| ticket.row);
        expected.sort_by_key(|ticket| ticket.row);
        prop_assert_eq!(forgotten, expected);
        Ok(())
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        let census = self.lanes.census();
        let queues = || self.model.queues.values().filter(|queue| !queue.is_empty());
        prop_assert_eq!(census.lanes, queues().count());
        prop_assert_eq!(census.queued, queues().map(|queue| queue.len() - 1).sum::<usize>());
        prop_assert_eq!(census.running, self.model.running.len());
        prop_assert_eq!(census.dead, self.model.closed.len());
        prop_assert_eq!(census.parked, self.model.parked.values().filter(|(_, rests)| *rests).count());
        prop_assert_eq!(census.idle(), self.lanes.ready());
        prop_assert!(census.throttled <= census.idle());
        Ok(())
    }
}

proptest! {
    #[test]
    fn lanes_keep_every_aggregate_in_order_and_apart(steps in steps(), limited in any::<bool>()) {
        let mut bench = Bench::new(limited);
        for step in &steps {
            bench.step(step)?;
            bench.agree()?;
        }
        // Whatever happened, what is left comes out in order, and nothing stays behind.
        for _ in 0..steps.len() * 4 + 10 {
            bench.step(&Step::Due(1_000_000))?;
            bench.step(&Step::Start)?;
            bench.step(&Step::Finish(0))?;
            bench.step(&Step::Buried(0))?;
            bench.step(&Step::Open(0))?;
        }
        prop_assert_eq!(bench.lanes.census(), Census::default());
    }
}

#[test]
fn two_aggregates_with_one_hash_have_two_lanes() {
    let mut lanes = Lanes::new(8);
    let (a, b) = (Ticket { run: 0, row: 0 }, Ticket { run: 0, row: 1 });
    assert!(matches!(lanes.admit(7, None, a, |other| other == a), Admitted::Ready(_)));
    assert!(matches!(lanes.admit(7, None, b, |other| other == b), Admitted::Ready(_)));
    assert_eq!(lanes.census().lanes, 2);
}

#[test]
fn a_lane_is_full_at_its_capacity_and_open_again_at_half_of_it() {
    let mut lanes = Lanes::new(4);
    for row in 0..5 {
        lanes.admit(1, None, Ticket { run: 0, row }, |_| true);
    }
    assert_eq!(lanes.census().full, 1);
    for full in [1, 0] {
        let lane = started(&mut lanes);
        lanes.finish(lane);
        assert_eq!(lanes.census().full, full, "{:?}", lanes.census());
    }
}

#[test]
fn a_lane_that_took_the_place_of_another_does_not_hear_its_commands() {
    let mut lanes = Lanes::new(4);
    let ticket = Ticket { run: 0, row: 0 };
    lanes.admit(1, None, ticket, |_| true);
    let old = started(&mut lanes);
    lanes.finish(old);
    lanes.admit(2, None, ticket, |_| true);
    assert_eq!(lanes.finish(old), Opened::Late);
    lanes.retry(old, Monotonic::ZERO);
    assert_eq!(lanes.phase(old), None);
    assert_eq!(lanes.ready(), 1);
}

#[test]
fn events_without_an_aggregate_never_queue_behind_each_other() {
    let mut lanes = Lanes::new(4);
    for row in 0..3 {
        lanes.admit_loose(None, Ticket { run: 0, row });
    }
    let first = started(&mut lanes);
    assert!(started(&mut lanes) != started(&mut lanes));
    assert_eq!(lanes.finish(first), Opened::Gone);
    assert_eq!(lanes.phase(first), None);
    assert_eq!(lanes.census().running, 2);
}

#[test]
fn a_waiting_lane_starts_when_it_is_due_and_not_before() {
    let mut lanes = Lanes::new(4);
    lanes.admit(1, None, Ticket { run: 0, row: 0 }, |_| true);
    let lane = started(&mut lanes);
    lanes.retry(lane, Monotonic::from_nanos(10));
    lanes.due(Monotonic::from_nanos(9));
    assert_eq!(lanes.next_due(), Some(Monotonic::from_nanos(10)));
    assert_eq!((lanes.ready(), lanes.phase(lane)), (0, Some(Phase::Waiting)));
    lanes.due(Monotonic::from_nanos(10));
    assert_eq!((lanes.ready(), lanes.next_due()), (1, None));
}

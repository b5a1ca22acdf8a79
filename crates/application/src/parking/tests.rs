//! A lot against a store and a lane that are too simple to be wrong.

use std::collections::{BTreeMap, VecDeque};

use laneway_domain::{
    Act, AggregateId, AggregateKey, Answer, Begun, Body, Claim, Death, DeathCause, GroupId, HandlerMask,
    Monotonic, OwnerId, ParkEntry, ParkState, PartitionNumber, Position, Received, Record, Resolution, Scope,
    StoreError, StoreFault, Timestamp, TopicName, Wish, WishId, WishTarget,
};
use proptest::prelude::*;

use super::begun::Counting;
use super::call::{Arrival, Call, Reply};
use super::deed::{Deed, Feed};
use super::lot::Lot;
use super::pace::Paces;
use crate::ledger::Slot;

#[derive(Debug, Clone)]
enum Step {
    /// An event arrives, and dies at once where its lane is open.
    Arrive { dies: bool },
    /// The lot makes its next call.
    Call,
    /// The store does it, or not, and says so, or not.
    Answer { does: bool, says: bool },
    /// The lane's head is handled, or dies.
    Work { dies: bool },
    /// An operator wants a redrive.
    Wish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::bool::weighted(0.3).prop_map(|dies| Step::Arrive { dies }),
        6 => Just(Step::Call),
        6 => (prop::bool::weighted(0.9), prop::bool::weighted(0.8))
            .prop_map(|(does, says)| Step::Answer { does, says }),
        6 => prop::bool::weighted(0.1).prop_map(|dies| Step::Work { dies }),
        1 => Just(Step::Wish),
    ];
    prop::collection::vec(step, 0..250)
}

struct Bench {
    lot: Lot,
    paces: Paces,
    now: Monotonic,
    call: Option<Call>,
    store: BTreeMap<Position, ParkEntry>,
    answers: Vec<Answer>,
    wishes: u64,
    next: u64,
    /// The last position that went to the store; none where the lane is open.
    parked: Option<Position>,
    page: VecDeque<Position>,
    /// What queues behind the last page, where that is in the lane.
    behind: Option<VecDeque<Position>>,
    handled: Vec<Position>,
    settled: Vec<Position>,
}

fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

fn key() -> AggregateKey {
    AggregateKey { topic: topic(), tenant: None, id: AggregateId::new("a").unwrap() }
}

fn scope() -> Scope {
    Scope { group: GroupId::new("g").unwrap(), topic: topic(), partition: PartitionNumber(0) }
}

fn dead() -> ParkState {
    let at = Timestamp::default();
    let (cause, errors, attempts) = (DeathCause::Fatal, Vec::new(), 1);
    ParkState::Dead(Box::new(Death {
        cause,
        errors,
        attempts,
        first_failed: at,
        last_failed: at,
        handlers: HandlerMask::ALL,
    }))
}

impl Bench {
    fn new() -> Self {
        Self {
            lot: Lot::new(scope(), None, Some(Counting { process: 1, after: 2 })),
            paces: Paces::default(),
            now: Monotonic::ZERO,
            call: None,
            store: BTreeMap::new(),
            answers: Vec::new(),
            wishes: 0,
            next: 0,
            parked: None,
            page: VecDeque::new(),
            behind: None,
            handled: Vec::new(),
            settled: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Arrive { dies } => self.arrive(dies),
            Step::Call if self.call.is_none() => match self.lot.next(&mut self.paces, self.now) {
                Ok(call) => self.call = Some(call),
                Err(due) if due < Monotonic::NEVER => self.now = self.now.max(due),
                Err(_) => {}
            },
            Step::Call => {}
            Step::Answer { does, says } => self.answer(does, says),
            Step::Work { dies } => self.work(dies),
            Step::Wish => self.wish(),
        }
    }

    fn arrive(&mut self, dies: bool) {
        self.next += 1;
        let position = Position::new(self.next);
        match (&mut self.behind, self.parked) {
            (Some(behind), _) => behind.push_back(position),
            (None, Some(_)) => self.put(position, ParkState::Follower),
            (None, None) if dies => self.put(position, dead()),
            (None, None) => self.handled.push(position),
        }
    }

    fn put(&mut self, position: Position, state: ParkState) {
        self.parked = Some(position);
        let event =
            Received { position, appended: Timestamp::default(), body: Body::Record(Record::default()) };
        let entry = ParkEntry { key: Some(key()), event, state, begun: Begun::default() };
        self.lot.park(Arrival { slot: Slot(0), bytes: 0, entry });
    }

    fn answer(&mut self, does: bool, says: bool) {
        let Some(call) = self.call.take() else { return };
        let reply = if does { Some(self.perform(&call)) } else { None };
        let unknown = || StoreError::new(StoreFault::Unknown, "call", "no answer");
        let result = reply.filter(|_| says).ok_or_else(unknown);
        let mut deeds = Vec::new();
        // A call that failed is made again.
        drop(self.lot.answered(call, result, (self.now, Timestamp::default()), &mut deeds));
        deeds.into_iter().for_each(|deed| self.deed(deed));
    }

    fn perform(&mut self, call: &Call) -> Reply {
        match call {
            Call::Claim => {
                let claim = Claim { scope: scope(), owner: OwnerId::new("o").unwrap(), fence: 1 };
                return Reply::Claimed(claim, Vec::new());
            }
            Call::Park(arrivals) => {
                let entries = arrivals.iter().map(|arrival| arrival.entry.clone());
                self.store.extend(entries.map(|entry| (entry.event.position, entry)));
            }
            Call::Resolve(verdicts) => {
                for (position, verdict) in verdicts {
                    if verdict.leaves() {
                        self.store.remove(position);
                    }
                }
            }
            Call::Answer(answers) => self.answers.extend(answers.iter().map(|(_, answer)| answer.clone())),
            Call::Forget(_) | Call::Entry { .. } => {}
            Call::Page { after, limit, .. } => {
                let behind =
                    self.store.values().filter(|entry| after.is_none_or(|a| entry.event.position > a));
                return Reply::Entries(behind.take((*limit).min(3)).cloned().collect());
            }
        }
        Reply::Written
    }

    fn deed(&mut self, deed: Deed) {
        match deed {
            Deed::Start(_) | Deed::Fenced => {}
            Deed::Settle(arrivals) => {
                self.settled.extend(arrivals.iter().map(|arrival| arrival.entry.event.position));
            }
            Deed::Feed(Feed { entries, upto, .. }) => {
                assert!(self.page.is_empty(), "a page at a time");
                let is_last = self.parked <= upto;
                if !entries.is_empty() {
                    self.page.extend(entries.iter().map(|entry| entry.event.position));
                    self.behind = is_last.then(VecDeque::new);
                } else if is_last {
                    self.parked = None;
                    self.handled.extend(self.behind.take().unwrap_or_default());
                    self.lot.opened(&key());
                } else {
                    self.lot.page_done(&key());
                }
            }
        }
    }

    fn work(&mut self, dies: bool) {
        let Some(position) = self.page.pop_front() else { return };
        let now = (self.now, Timestamp::default());
        if dies {
            self.page.clear();
            self.lot.resolved(Some(key()), position, Resolution::Stays(dead()), now);
            let behind = self.behind.take().unwrap_or_default();
            behind.into_iter().for_each(|position| self.put(position, ParkState::Follower));
            return;
        }
        self.handled.push(position);
        self.lot.resolved(Some(key()), position, Resolution::Handled, now);
        if self.page.is_empty() {
            self.lot.page_done(&key());
        }
    }

    fn wish(&mut self) {
        self.wishes += 1;
        let act = Act::Redrive { per_second: None };
        let wish =
            Wish { id: WishId(self.wishes), scope: scope(), target: WishTarget::Aggregate(key()), act };
        self.lot.wish(wish);
    }
}

proptest! {
    #[test]
    fn an_aggregate_keeps_its_order_and_loses_nothing_whatever_the_store_answers(steps in steps()) {
        let mut bench = Bench::new();
        for step in &steps {
            bench.step(step);
            prop_assert!(bench.handled.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", bench.handled);
            prop_assert!(bench.settled.iter().all(|at| bench.store.contains_key(at) || bench.handled.contains(at)));
        }
        // With a store that answers, a redrive ends, and nothing is left.
        for round in 0..steps.len() * 4 + 200 {
            if round % 50 == 0 {
                bench.step(&Step::Wish);
            }
            for step in [Step::Call, Step::Answer { does: true, says: true }, Step::Work { dies: false }] {
                bench.step(&step);
            }
        }
        let all: Vec<_> = (1..=bench.next).map(Position::new).collect();
        prop_assert_eq!(&bench.handled, &all);
        prop_assert!(bench.parked.is_none() && bench.store.is_empty() && !bench.lot.is_busy());
    }
}

//! What is recorded of a parking store, and what goes wrong with one: on a store that answers as it is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::invariant::{Digest, Happening};
use laneway_domain::{
    AggregateId, AggregateKey, Answer, Begun, Body, Claim, Clock, DeadLetter, DeadLetterCapabilities,
    DeadLetterQueue, Death, DeathCause, Envelope, GroupId, HandlerMask, Monotonic, OwnerId, ParkEntry,
    ParkState, ParkedAggregate, Parking, PartitionNumber, Position, Received, Resolution, Scope, StoreError,
    StoreFault, Timestamp, TopicName, Wish, WishId,
};
use laneway_testkit::SimClock;
use laneway_testkit::faults::{Fault, FaultPlan, Faults, FaultyDeadLetters};
use laneway_testkit::history::{RecordedParking, Recorder};

const TOPIC: TopicName = TopicName::from_static("t");

/// Notes its calls, and hands out what it was given.
#[derive(Clone, Default)]
struct Store {
    calls: Arc<Mutex<Vec<&'static str>>>,
    entries: Arc<Mutex<Vec<ParkEntry>>>,
    refuses: bool,
}

impl Store {
    fn note(&self, call: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(call);
        if self.refuses { Err(StoreError::new(StoreFault::Unavailable, call, "no")) } else { Ok(()) }
    }

    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

#[async_trait]
impl DeadLetterQueue for Store {
    fn capabilities(&self) -> DeadLetterCapabilities {
        DeadLetterCapabilities { lists: false, redrives: true, parks: true }
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        letters.iter().map(|_| self.note("bury")).collect()
    }

    fn parking(&self) -> Option<&dyn Parking> {
        Some(self)
    }
}

#[async_trait]
impl Parking for Store {
    async fn claim(
        &self,
        scope: &Scope,
        owner: &OwnerId,
    ) -> Result<(Claim, Vec<ParkedAggregate>), StoreError> {
        self.note("claim")?;
        Ok((Claim { scope: scope.clone(), owner: owner.clone(), fence: 1 }, Vec::new()))
    }

    async fn park(&self, _: &Claim, _: Vec<ParkEntry>) -> Result<(), StoreError> {
        self.note("park")
    }

    async fn page(
        &self,
        _: &Claim,
        _: &AggregateKey,
        _: Option<Position>,
        _: usize,
    ) -> Result<Vec<ParkEntry>, StoreError> {
        self.note("page").map(|()| self.entries.lock().unwrap().clone())
    }

    async fn entry(&self, _: &Claim, _: Position) -> Result<Option<ParkEntry>, StoreError> {
        self.note("entry").map(|()| self.entries.lock().unwrap().first().cloned())
    }

    async fn resolve(&self, _: &Claim, _: Vec<(Position, Resolution)>) -> Result<(), StoreError> {
        self.note("resolve")
    }

    async fn forget(&self, _: &Claim, _: Vec<AggregateKey>) -> Result<(), StoreError> {
        self.note("forget")
    }

    async fn wishes(&self, _: &[Claim], _: usize) -> Result<Vec<Wish>, StoreError> {
        self.note("wishes").map(|()| Vec::new())
    }

    async fn answer(&self, _: &Claim, _: Vec<(WishId, Answer)>, _: Timestamp) -> Result<(), StoreError> {
        self.note("answer")
    }
}

fn claim() -> Claim {
    let scope = Scope { group: GroupId::new("g").unwrap(), topic: TOPIC, partition: PartitionNumber(0) };
    Claim { scope, owner: OwnerId::new("o").unwrap(), fence: 1 }
}

fn key() -> AggregateKey {
    AggregateKey { topic: TOPIC, tenant: None, id: AggregateId::new("a").unwrap() }
}

fn entry(position: u64, state: ParkState) -> ParkEntry {
    let envelope = Envelope::new(TOPIC, position.to_string()).with_aggregate(AggregateId::new("a").unwrap());
    let event = Received {
        position: Position::new(position),
        appended: Timestamp::default(),
        body: Body::Event(envelope),
    };
    ParkEntry { key: Some(key()), event, state, begun: Begun::default() }
}

fn dead() -> ParkState {
    let at = Timestamp::default();
    let cause = DeathCause::Fatal;
    ParkState::Dead(Box::new(Death {
        cause,
        errors: vec![],
        attempts: 1,
        first_failed: at,
        last_failed: at,
        handlers: HandlerMask::ALL,
    }))
}

fn recorded(store: &Store) -> (RecordedParking<Store>, Recorder) {
    let recorder = Recorder::new(SimClock::shared());
    (RecordedParking::new(store.clone(), recorder.clone()), recorder)
}

fn happenings(recorder: &Recorder) -> Vec<Happening> {
    recorder.take().moments().iter().map(|moment| moment.what.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_recorded_as_dead_or_behind_once_the_store_has_it() {
    let (parking, recorder) = recorded(&Store::default());
    let backoff = ParkState::Backoff { due: Timestamp::default(), attempts: 1, handlers: HandlerMask::ALL };
    let entries = vec![entry(1, dead()), entry(2, ParkState::Follower), entry(3, backoff)];
    let digest = Digest::of_body(&entries[0].event.body);
    parking.park(&claim(), entries).await.unwrap();
    let told = happenings(&recorder);
    let [Happening::DeadLettered { place, digest: of, parks: true, .. }, Happening::Parked { .. }, last] =
        &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((place.position, *of), (Position::new(1), digest));
    assert!(matches!(last, Happening::Parked { place, .. } if place.position == Position::new(3)));
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_out_and_what_becomes_of_it_is_recorded() {
    let store = Store::default();
    let (parking, recorder) = recorded(&store);
    store.entries.lock().unwrap().extend([entry(1, dead()), entry(2, ParkState::Follower)]);
    parking.page(&claim(), &key(), None, 2).await.unwrap();
    assert_eq!(parking.entry(&claim(), Position::new(1)).await.unwrap(), Some(entry(1, dead())));
    let told = happenings(&recorder);
    assert!(
        told.len() == 3 && told.iter().all(|what| matches!(what, Happening::Redriven { .. })),
        "{told:?}"
    );
    let edited = Body::Event(Envelope::new(TOPIC, "edited"));
    let verdicts = [
        Resolution::Handled,
        Resolution::Skipped,
        Resolution::Stays(dead()),
        Resolution::Stays(ParkState::Follower),
        Resolution::Edited(edited.clone()),
        Resolution::Begun(Begun { crashes: 0, by: Some(1) }),
    ];
    let verdicts = (1..).map(Position::new).zip(verdicts).collect();
    parking.resolve(&claim(), verdicts).await.unwrap();
    let told = happenings(&recorder);
    assert!(
        matches!(
            &told[..],
            [
                Happening::Left { handled: true, .. },
                Happening::Left { handled: false, .. },
                Happening::Returned { dead: Some(DeathCause::Fatal), .. },
                Happening::Returned { dead: None, .. },
                Happening::Edited { digest, .. }
            ] if *digest == Digest::of_body(&edited)
        ),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_store_refuses_and_what_changes_no_entry_is_not_recorded() {
    let refusing = Store { refuses: true, ..Store::default() };
    let (parking, recorder) = recorded(&refusing);
    assert!(parking.park(&claim(), vec![entry(1, dead())]).await.is_err());
    assert!(parking.resolve(&claim(), vec![(Position::new(1), Resolution::Handled)]).await.is_err());
    assert!(parking.page(&claim(), &key(), None, 1).await.is_err());
    assert_eq!((happenings(&recorder), refusing.calls()), (vec![], vec!["park", "resolve", "page"]));
    let store = Store::default();
    let (parking, recorder) = recorded(&store);
    all_calls(&parking).await;
    assert_eq!(happenings(&recorder).len(), 2, "of all calls, one parked and one resolved");
    assert_eq!(store.calls(), CALLS);
}

const CALLS: [&str; 8] = ["claim", "park", "page", "entry", "resolve", "forget", "wishes", "answer"];

/// Makes each call once; how many failed, and how.
async fn all_calls(parking: &dyn Parking) -> Vec<StoreFault> {
    let claim = claim();
    let one = Position::new(1);
    let results = [
        parking.claim(&claim.scope, &claim.owner).await.map(drop),
        parking.park(&claim, vec![entry(1, dead())]).await,
        parking.page(&claim, &key(), None, 1).await.map(drop),
        parking.entry(&claim, one).await.map(drop),
        parking.resolve(&claim, vec![(one, Resolution::Handled)]).await,
        parking.forget(&claim, vec![key()]).await,
        parking.wishes(std::slice::from_ref(&claim), 1).await.map(drop),
        parking.answer(&claim, vec![(WishId(1), Answer::Nothing)], Timestamp::default()).await,
    ];
    results.into_iter().filter_map(Result::err).map(|error| error.fault()).collect()
}

fn faulty(plan: FaultPlan) -> (FaultyDeadLetters<Store>, Store, Faults) {
    let store = Store::default();
    let faults = Faults::new(plan, SimClock::shared()).unwrap();
    (FaultyDeadLetters::new(store.clone(), faults.clone()), store, faults)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_is_not_reached_and_one_whose_answer_is_lost_is() {
    let (refusing, store, faults) = faulty(FaultPlan::quiet(1).with(Fault::LetterRefused, 1.0));
    assert_eq!(all_calls(&refusing).await, [StoreFault::Unavailable; 8]);
    assert_eq!((store.calls().len(), faults.struck(Fault::LetterRefused)), (0, 8));
    let (losing, store, _) = faulty(FaultPlan::quiet(1).with(Fault::LetterAnswerLost, 1.0));
    assert_eq!(all_calls(&losing).await, [StoreFault::Unknown; 8]);
    assert_eq!(store.calls(), CALLS);
    let (calm, store, faults) = faulty(FaultPlan::quiet(1).failing_store(1.0));
    faults.calm();
    assert_eq!((all_calls(&calm).await, store.calls()), (vec![], CALLS.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn somebody_else_claims_a_scope_before_whatever_its_owner_does_with_it() {
    let (fenced, store, faults) = faulty(FaultPlan::quiet(1).with(Fault::LetterFenced, 1.0));
    all_calls(&fenced).await;
    let calls = store.calls();
    let owned = ["park", "page", "entry", "resolve", "forget", "answer"];
    for call in owned {
        let at = calls.iter().position(|known| *known == call).unwrap();
        assert_eq!(calls[at - 1], "claim", "{call} of {calls:?}");
    }
    let claims = calls.iter().filter(|call| **call == "claim").count();
    assert_eq!((claims, faults.struck(Fault::LetterFenced)), (7, 6), "the owner claims by itself once");
}

#[tokio::test(start_paused = true)]
async fn a_late_store_takes_its_time_on_the_clock() {
    let clock = SimClock::new();
    let (late, store, _) = faulty(FaultPlan::quiet(1).slow_store(1.0));
    all_calls(&late).await;
    let passed = clock.monotonic().since(Monotonic::ZERO);
    let (least, most) = (Duration::from_millis(8), 8 * Duration::from_millis(250));
    assert!(passed >= least && passed <= most, "{passed:?}");
    assert_eq!(store.calls(), CALLS);
}

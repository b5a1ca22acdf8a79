//! What scenarios of the dead-letter store ask for.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{Either, select};
use laneway_application::consume::SubscriptionOptions;
use laneway_domain::{
    Act, AfterDeadLetter, AggregateId, AggregateKey, Answer, Asked, AuditLine, Begun, Body, By, Claim,
    DeadLetterDesk, Death, DeathCause, DeskError, DeskExt, Envelope, Event, EventId, Filter, Handler,
    HandlerMask, OwnerId, ParkEntry, ParkState, ParkedAggregate, Parking, PartitionNumber, Position,
    Received, Record, Scope, StoredLetter,
};
use uuid::Uuid;

use super::journal::{Journal, number_of};
use super::said::{event, failure, given, sure};
use super::world::World;

/// The redrive of everything that fits, as fast as it goes.
pub(crate) const REDRIVE: Act = Act::Redrive { per_second: None };

/// The event of each aggregate that fails: its number, until it is healed. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Illness(Arc<AtomicU64>);

impl Illness {
    pub(crate) fn of(number: u64) -> Self {
        Self(Arc::new(AtomicU64::new(number)))
    }

    /// From now on it is the event of another number.
    pub(crate) fn becomes(&self, number: u64) {
        self.0.store(number, Ordering::SeqCst);
    }

    pub(crate) fn heal(&self) {
        self.becomes(u64::MAX);
    }

    fn strikes(&self, event: &Event) -> bool {
        let is_first = event.aggregate().is_some_and(|id| id.as_str() == "aggregate-0");
        is_first && number_of(event) == self.0.load(Ordering::SeqCst)
    }

    /// A handler of bus number `bus` that writes itself down; it fails with the sick event of the first aggregate.
    pub(crate) fn handler(&self, journal: &Journal, bus: u32) -> impl Handler + use<> {
        let illness = self.clone();
        let act = move |event: Event, _| {
            std::future::ready(if illness.strikes(&event) { Err(failure()) } else { Ok(()) })
        };
        journal.handler(act).of_bus(bus)
    }
}

/// A scope of the store, as its owner sees it: partition 0 of the first topic.
pub(crate) struct Shelf<'w> {
    world: &'w World,
    pub(crate) scope: Scope,
}

impl World {
    /// A scope that nobody but the scenario claims.
    pub(crate) fn shelf(&self) -> Shelf<'_> {
        let scope =
            Scope { group: self.group("workers"), topic: self.topic(), partition: PartitionNumber(0) };
        Shelf { world: self, scope }
    }

    pub(crate) fn parking(&self) -> &dyn Parking {
        given("parking store", self.adapter().dead_letters.parking())
    }

    pub(crate) fn desk(&self) -> &dyn DeadLetterDesk {
        given("desk", self.adapter().dead_letters.desk())
    }

    /// A subscription that parks, and asks often what operators want.
    pub(crate) fn parking_options(&self) -> SubscriptionOptions {
        let mut options = self.options("workers");
        options.retry.max_retries = 1;
        options.after_dead_letter = Some(AfterDeadLetter::Park);
        options.redrive_poll = std::time::Duration::from_millis(20);
        options
    }

    pub(crate) fn key(&self, aggregate: &str) -> AggregateKey {
        AggregateKey { topic: self.topic(), tenant: None, id: sure("an id", AggregateId::new(aggregate)) }
    }

    /// Everything of the group.
    pub(crate) fn all_of_it(&self) -> Filter {
        Filter::group(self.group("workers"))
    }

    /// What waits in the store: the number in each payload and whether it is dead, in the order of the store.
    pub(crate) async fn waiting(&self) -> Vec<(u64, bool)> {
        let told = |letter: &StoredLetter| {
            let body = self.read(&letter.original);
            let number = std::str::from_utf8(body.payload()).ok().and_then(|text| text.parse().ok());
            (number.unwrap_or(0), letter.death().is_some())
        };
        self.entries().await.iter().map(told).collect()
    }

    pub(crate) async fn entries(&self) -> Vec<StoredLetter> {
        sure("a list", self.desk().list(&self.all_of_it(), None, 1_000).await)
    }

    /// Waits until so many entries wait in the store.
    pub(crate) async fn until_stored(&self, count: usize) {
        let deadline = self.now() + std::time::Duration::from_secs(10);
        while self.entries().await.len() != count {
            assert!(self.now() < deadline, "the store has {:?}, not {count} entries", self.waiting().await);
            self.look().await;
        }
    }

    pub(crate) async fn ask(&self, filter: &Filter, act: Act, dry_run: bool) -> Result<Asked, DeskError> {
        let by = sure("an operator", By::new("ops", "the scenario wants it"));
        self.desk().ask(filter, act, &by, self.clock().wall(), dry_run).await
    }

    /// Asks, and waits for the answer to each wish.
    pub(crate) async fn answers(&self, filter: &Filter, act: Act) -> Vec<Answer> {
        let asked = sure("a wish", self.ask(filter, act, false).await);
        let clock = self.clock();
        let answers = pin!(self.desk().wait(&asked.wishes, &*clock));
        let over = clock.wake_at(self.now() + std::time::Duration::from_secs(10));
        match select(answers, over).await {
            Either::Left((answers, _)) => sure("answers", answers),
            Either::Right(_) => panic!("nobody answers {asked:?}: {:#?}", self.audit().await),
        }
    }

    pub(crate) async fn audit(&self) -> Vec<AuditLine> {
        let lines = sure("an audit", self.desk().audit(&self.group("workers"), None, 1_000).await);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// An event as the adapter passes it; stamped, as what was published is.
    pub(crate) fn body(&self, envelope: &Envelope) -> Body {
        static STAMPED: AtomicU64 = AtomicU64::new(1);
        let id = || EventId::new(Uuid::from_u128(STAMPED.fetch_add(1, Ordering::Relaxed).into()));
        let mut stamped = envelope.clone();
        stamped.stamp(|| given("id", id()), self.clock().wall());
        let Some(codec) = &self.adapter().codec else { return Body::Event(stamped) };
        let mut record = Record::default();
        sure("a record", codec.encode(&stamped, &mut record));
        Body::Record(record)
    }

    /// An event that the adapter passed.
    pub(crate) fn read(&self, body: &Body) -> Envelope {
        match (body, &self.adapter().codec) {
            (Body::Event(envelope), _) => envelope.clone(),
            (Body::Record(record), Some(codec)) => {
                sure("an event", codec.decode(&self.topic(), record.clone()))
            }
            (Body::Record(record), None) => panic!("nobody reads {record:?}"),
        }
    }
}

impl Shelf<'_> {
    pub(crate) async fn claim(&self, owner: &str) -> (Claim, Vec<ParkedAggregate>) {
        let owner = sure("an owner", OwnerId::new(owner));
        sure("a claim", self.world.parking().claim(&self.scope, &owner).await)
    }

    /// The event of that number and position of an aggregate.
    pub(crate) fn entry(&self, aggregate: &str, number: u64, state: ParkState) -> ParkEntry {
        let appended = self.world.clock().wall();
        let body = self.world.body(&event(&self.world.topic(), aggregate, number));
        let event = Received { position: Position::new(number), appended, body };
        ParkEntry { key: Some(self.world.key(aggregate)), event, state, begun: Begun::default() }
    }

    pub(crate) fn dead(&self, aggregate: &str, number: u64) -> ParkEntry {
        self.entry(aggregate, number, self.death())
    }

    pub(crate) fn death(&self) -> ParkState {
        let (at, errors) = (self.world.clock().wall(), vec!["not today".to_owned()]);
        let death = Death {
            cause: DeathCause::Fatal,
            errors,
            attempts: 1,
            first_failed: at,
            last_failed: at,
            handlers: HandlerMask::ALL,
        };
        ParkState::Dead(Box::new(death))
    }

    pub(crate) fn follower(&self, aggregate: &str, number: u64) -> ParkEntry {
        self.entry(aggregate, number, ParkState::Follower)
    }

    pub(crate) async fn park(&self, claim: &Claim, entries: Vec<ParkEntry>) {
        sure("a write", self.world.parking().park(claim, entries).await);
    }

    /// What an entry says of attempts that began.
    pub(crate) async fn begun(&self, claim: &Claim, position: u64) -> Begun {
        let entry = self.world.parking().entry(claim, Position::new(position)).await;
        given("entry", sure("an entry", entry)).begun
    }

    /// The positions of a page.
    pub(crate) async fn page(
        &self,
        claim: &Claim,
        aggregate: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Vec<u64> {
        let (key, after) = (self.world.key(aggregate), after.map(Position::new));
        let page = sure("a page", self.world.parking().page(claim, &key, after, limit).await);
        page.iter().map(|entry| entry.event.position.value()).collect()
    }
}

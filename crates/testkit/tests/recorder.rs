//! What the recording wrappers write down.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use laneway_domain::invariant::{Digest, Happening, MemberId, Outcome, RunId, Sighting, Start};
use laneway_domain::{
    Act, AggregateId, Answer, Asked, Assignment, AuditLine, Body, By, Cancellation, Checkpoint, DeadLetter,
    DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Death, DeathCause, DeskError, Envelope, Epoch,
    Event, EventId, Filter, Flow, Flushed, GroupId, Handler, HandlerContext, HandlerError, HandlerMask,
    LetterId, Monotonic, Origin, Outgoing, ParkState, PartitionId, PartitionNumber, Position, PublishError,
    PublishFault, Published, Publisher, PublisherCapabilities, Received, Resume, RevocationId, Rows, Run,
    Session, SessionEvent, StartFrom, StoreError, StoreFault, StoredLetter, SubscribeError, Subscriber,
    SubscriberCapabilities, Subscription, Timestamp, TopicName, WishId, handler_fn,
};
use laneway_testkit::SimClock;
use laneway_testkit::history::{
    RecordedDeadLetters, RecordedHandler, RecordedPublisher, RecordedSession, RecordedSubscriber, Recorder,
    record_listing,
};

fn envelope() -> Envelope {
    Envelope::new(TopicName::new("t").unwrap(), "x")
        .with_id(EventId::new(uuid::Uuid::from_u128(1)).unwrap())
        .with_aggregate(AggregateId::new("a").unwrap())
}

fn recorder() -> Recorder {
    Recorder::new(SimClock::shared())
}

fn happenings(recorder: &Recorder) -> Vec<Happening> {
    recorder.history().moments().iter().map(|moment| moment.what.clone()).collect()
}

async fn outcome_of(handler: impl Handler) -> Outcome {
    let recorder = recorder();
    let handler = RecordedHandler::new(handler, recorder.clone(), recorder.member());
    let body = Body::Event(envelope());
    let rows =
        Rows::from(vec![Received { position: Position::new(7), appended: Timestamp::default(), body }]);
    let event = Event::new(Arc::new(Run { rows, partition: PartitionNumber(0), redriven: false }), 0);
    let run = tokio::spawn(async move {
        let group = GroupId::new("g").unwrap();
        let _ = handler
            .handle(&event, &HandlerContext { group: &group, attempt: 1, due: HandlerMask::ALL })
            .await;
    });
    tokio::task::yield_now().await;
    run.abort();
    let _ = run.await;
    match happenings(&recorder).as_slice() {
        [Happening::HandlerStarted(start), Happening::HandlerEnded { run, outcome }] if start.run == *run => {
            assert_eq!(start.place.position, Position::new(7));
            *outcome
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_end_of_a_run_is_told_apart() {
    let done = handler_fn(|_| async { Ok(()) });
    let failed = handler_fn(|_| async { Err(HandlerError::from(std::fmt::Error)) });
    let panicked = handler_fn(|_| async { panic!("on purpose") });
    let dropped = handler_fn(|_| std::future::pending());
    assert_eq!(outcome_of(done).await, Outcome::Done);
    assert_eq!(outcome_of(failed).await, Outcome::Failed(None));
    assert_eq!(outcome_of(panicked).await, Outcome::Panicked);
    assert_eq!(outcome_of(dropped).await, Outcome::Dropped);
}

/// Answers with a fault, or never.
struct Broken(Option<PublishFault>);

#[async_trait]
impl Publisher for Broken {
    fn capabilities(&self) -> &PublisherCapabilities {
        &PublisherCapabilities { max_bytes: 1, durable: false, deduplicates: false, ordered_prefix: true }
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let Some(fault) = self.0 else { return std::future::pending().await };
        batch.events.iter().map(|_| Err(PublishError::new(fault, "on purpose"))).collect()
    }

    async fn flush(&self, _deadline: Monotonic) -> Flushed {
        Flushed::default()
    }
}

async fn told_of(broken: Broken) -> Vec<Happening> {
    let recorder = recorder();
    let publisher = RecordedPublisher::new(broken, recorder.clone());
    let batch = Outgoing { events: vec![envelope()], origin: Origin::Caller };
    tokio::select! {
        biased;
        _ = publisher.publish(batch) => {}
        () = tokio::task::yield_now() => {}
    }
    happenings(&recorder)
}

#[tokio::test(start_paused = true)]
async fn a_publish_without_an_answer_is_unknown_and_a_fault_is_refused() {
    let unknown = |told: &[Happening]| matches!(told, [Happening::PublishUnknown { .. }]);
    assert!(unknown(&told_of(Broken(None)).await));
    assert!(unknown(&told_of(Broken(Some(PublishFault::Unknown))).await));
    let refused = told_of(Broken(Some(PublishFault::Busy))).await;
    assert!(matches!(refused.as_slice(), [Happening::PublishRefused { fault: PublishFault::Busy, .. }]));
}

/// Says what it was told to say, in order.
struct Script(Vec<SessionEvent>);

impl Session for Script {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<SessionEvent> {
        if self.0.is_empty() { Poll::Pending } else { Poll::Ready(self.0.remove(0)) }
    }
    fn start(&mut self, _partition: PartitionId, _epoch: Epoch, _from: Resume) {}
    fn flow(&mut self, _partition: PartitionId, _epoch: Epoch, _flow: Flow) {}
    fn commit(&mut self, _checkpoints: Vec<Checkpoint>) {}
    fn release(&mut self, _revocation: RevocationId, _last: Vec<Checkpoint>) {}
    fn close(&mut self, _last: Vec<Checkpoint>, _deadline: Monotonic) {}
}

const P: PartitionId = PartitionId(0);
const E: Epoch = Epoch(1);

fn assigned() -> SessionEvent {
    SessionEvent::Assigned(vec![Assignment {
        partition: P,
        epoch: E,
        topic: TopicName::new("t").unwrap(),
        number: PartitionNumber(3),
        stored: None,
        initial: Resume::Start,
    }])
}

fn revoking() -> SessionEvent {
    SessionEvent::Revoking { revocation: RevocationId(5), partitions: vec![(P, E)], until: Monotonic::NEVER }
}

fn checkpoint(next: u64) -> Vec<Checkpoint> {
    let resume = Resume::At(Position::new(next));
    vec![Checkpoint { partition: P, epoch: E, resume, state: bytes::Bytes::new(), number: 1 }]
}

fn session(says: Vec<SessionEvent>) -> (RecordedSession, Recorder) {
    let (recorder, count) = (recorder(), says.len());
    let (group, topics) = (GroupId::new("g").unwrap(), vec![TopicName::new("t").unwrap()]);
    let script = Box::new(Script(says));
    let mut session = RecordedSession::new(script, recorder.clone(), recorder.member(), group, topics);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..count {
        assert!(session.poll_next(&mut cx).is_ready());
    }
    (session, recorder)
}

fn names(recorder: &Recorder) -> Vec<String> {
    let name = |what: &Happening| format!("{what:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
    happenings(recorder).iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_release_is_recorded_with_its_commit_and_only_while_it_is_open() {
    let (mut open, recorder) = session(vec![assigned(), revoking()]);
    open.release(RevocationId(5), checkpoint(4));
    open.release(RevocationId(5), checkpoint(9));
    drop(open);
    assert_eq!(names(&recorder), ["Assigned", "Revoking", "Committed", "Released", "SessionEnded"]);

    let lost = SessionEvent::Lost { partitions: vec![(P, E)] };
    let (mut closed, recorder) = session(vec![assigned(), revoking(), lost]);
    closed.release(RevocationId(5), checkpoint(4));
    drop(closed);
    assert_eq!(names(&recorder), ["Assigned", "Revoking", "Lost", "SessionEnded"]);
}

#[tokio::test(start_paused = true)]
async fn commits_are_recorded_when_sent_and_stored_when_answered() {
    let (mut session, recorder) = session(vec![assigned()]);
    session.commit(checkpoint(4));
    session.close(checkpoint(6), Monotonic::NEVER);
    drop(session);
    assert_eq!(names(&recorder), ["Assigned", "Committed", "Committed", "SessionEnded"]);
}

/// Opens sessions that say the assignment, or refuses.
struct Door(bool);

#[async_trait]
impl Subscriber for Door {
    fn capabilities(&self) -> &SubscriberCapabilities {
        &SubscriberCapabilities { partitions: true, state_bytes: 9, fences: false, replays: true }
    }

    async fn open(&self, _subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        if self.0 { Ok(Box::new(Script(vec![assigned()]))) } else { Err(SubscribeError::Closed) }
    }
}

async fn open(subscriber: &RecordedSubscriber<Door>) -> Option<Box<dyn Session>> {
    let (group, topics) = (GroupId::new("g").unwrap(), vec![TopicName::new("t").unwrap()]);
    let (start, drain) = (StartFrom::default(), std::time::Duration::from_secs(1));
    let asked = Subscription { group, topics, start, batch_events: 1, batch_bytes: 1, drain };
    subscriber.open(asked).await.ok()
}

#[tokio::test(start_paused = true)]
async fn an_open_session_is_a_subscription_of_its_member_and_is_recorded_itself() {
    let recorder = recorder();
    let (_, member) = (recorder.member(), recorder.member());
    let subscriber = RecordedSubscriber::new(Door(true), recorder.clone(), member);
    assert_eq!(subscriber.capabilities().state_bytes, 9);
    let mut session = open(&subscriber).await.unwrap();
    assert!(session.poll_next(&mut Context::from_waker(Waker::noop())).is_ready());
    drop(session);
    assert_eq!(names(&recorder), ["Subscribed", "Assigned", "SessionEnded"]);
    let of_member = |what: &Happening| match what {
        Happening::Subscribed { member: known, group, topics } => {
            *known == member && group.as_str() == "g" && topics.len() == 1
        }
        Happening::Assigned { member: known, .. } | Happening::SessionEnded { member: known, .. } => {
            *known == member
        }
        _ => false,
    };
    assert!(happenings(&recorder).iter().all(of_member), "{:?}", happenings(&recorder));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_refused_is_no_subscription() {
    let recorder = recorder();
    let subscriber = RecordedSubscriber::new(Door(false), recorder.clone(), recorder.member());
    assert!(open(&subscriber).await.is_none());
    assert_eq!(happenings(&recorder), []);
}

/// Takes every second letter of a batch, and lists what it was made with.
struct Store(Vec<DeadLetter>);

#[async_trait]
impl DeadLetterQueue for Store {
    fn capabilities(&self) -> DeadLetterCapabilities {
        DeadLetterCapabilities { lists: true, redrives: false, parks: false }
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        let refused = || StoreError::new(StoreFault::Unavailable, "bury", "on purpose");
        (0..letters.len()).map(|at| if at % 2 == 0 { Ok(()) } else { Err(refused()) }).collect()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        Some(self)
    }
}

#[async_trait]
impl DeadLetterDesk for Store {
    async fn list(
        &self,
        filter: &Filter,
        after: Option<&LetterId>,
        limit: usize,
    ) -> Result<Vec<StoredLetter>, StoreError> {
        let own = self.0.iter().filter(|letter| letter.id.group == filter.group);
        let behind = own.filter(|letter| after.is_none_or(|after| letter.id > *after));
        Ok(behind.take(limit).cloned().map(stored).collect())
    }

    async fn show(&self, id: &LetterId) -> Result<Option<StoredLetter>, StoreError> {
        Ok(self.0.iter().find(|letter| letter.id == *id).cloned().map(stored))
    }

    async fn ask(&self, _: &Filter, _: Act, _: &By, _: Timestamp, _: bool) -> Result<Asked, DeskError> {
        Err(StoreError::new(StoreFault::Rejected, "ask", "it only lists").into())
    }

    async fn answer(&self, wish: WishId) -> Result<Option<Answer>, DeskError> {
        Err(DeskError::NoWish(wish))
    }

    async fn audit(
        &self,
        _: &GroupId,
        _: Option<u64>,
        _: usize,
    ) -> Result<Vec<(u64, AuditLine)>, StoreError> {
        Ok(Vec::new())
    }
}

fn stored(letter: DeadLetter) -> StoredLetter {
    let DeadLetter { id, key, appended, original, death } = letter;
    StoredLetter { id, key, appended, original, state: ParkState::Dead(Box::new(death)), wish: None }
}

fn letter(group: &str, position: u64) -> DeadLetter {
    let (group, topic) = (GroupId::new(group).unwrap(), TopicName::new("t").unwrap());
    DeadLetter {
        id: LetterId { group, topic, partition: PartitionNumber(0), position: Position::new(position) },
        key: envelope().key(),
        appended: Timestamp::default(),
        original: Body::Event(envelope()),
        death: Death {
            cause: DeathCause::Fatal,
            errors: Vec::new(),
            attempts: 1,
            first_failed: Timestamp::default(),
            last_failed: Timestamp::default(),
            handlers: HandlerMask::ALL,
        },
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_the_store_took_is_recorded_as_buried() {
    let recorder = recorder();
    let letters = RecordedDeadLetters::new(Store(Vec::new()), recorder.clone());
    assert_eq!(letters.bury((1..=3).map(|at| letter("g", at)).collect()).await.len(), 3);
    let buried: Vec<_> = happenings(&recorder)
        .into_iter()
        .map(|what| match what {
            Happening::DeadLettered { place, id, key, cause: DeathCause::Fatal, digest, parks: false } => {
                assert_eq!((id, key), (envelope().id(), envelope().key()));
                assert_eq!(digest, Digest::of_body(&Body::Event(envelope())));
                place.position.value()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(buried, [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn the_same_death_is_recorded_once_unless_the_event_failed_again() {
    let (recorder, entry) = (recorder(), letter("g", 1));
    let letters = RecordedDeadLetters::new(Store(vec![entry.clone()]), recorder.clone());
    let count = || {
        let told = happenings(&recorder);
        told.iter().filter(|what| matches!(what, Happening::DeadLettered { .. })).count()
    };
    for (position, expected) in [(1, 1), (1, 2), (2, 2)] {
        fail_with(&recorder, position);
        // An answer that was lost lets the store be asked again.
        for _ in 0..2 {
            assert!(letters.bury(vec![entry.clone()]).await.iter().all(Result::is_ok));
        }
        assert_eq!(count(), expected, "{:?}", happenings(&recorder));
    }
}

/// Writes down that a handler failed with the event at this position.
fn fail_with(recorder: &Recorder, position: u64) {
    let run = RunId(recorder.history().len() as u64);
    recorder.record(Happening::HandlerStarted(Start {
        run,
        member: MemberId(0),
        place: letter("g", position).id.into(),
        event: Sighting {
            id: envelope().id(),
            topic: TopicName::new("t").unwrap(),
            key: envelope().key(),
            digest: Digest::of_body(&Body::Event(envelope())),
        },
        attempt: 1,
        cancellation: Cancellation::Drop,
    }));
    recorder.record(Happening::HandlerEnded { run, outcome: Outcome::Failed(None) });
}

#[tokio::test(start_paused = true)]
async fn one_listing_has_every_entry_of_every_group_over_many_pages() {
    let recorder = recorder();
    let all = (0..300).map(|at| letter("g", at)).chain([letter("h", 7), letter("else", 8)]).collect();
    let letters = RecordedDeadLetters::new(Store(all), recorder.clone());
    let groups = ["g", "h"].map(|name| GroupId::new(name).unwrap());
    for number in 1..=2 {
        let listed = record_listing(&recorder, letters.desk().unwrap(), &groups).await.unwrap();
        assert_eq!(listed, 301);
        let told = happenings(&recorder);
        let ours =
            |what: &&Happening| matches!(what, Happening::LetterListed { listing, .. } if *listing == number);
        assert_eq!(told.iter().filter(ours).count(), 301);
    }
}

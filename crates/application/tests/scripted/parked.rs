//! Parked lanes, where other things are under way in them.

use std::time::Duration;

use laneway_application::consume::Subscription;
use laneway_application::policy::RetryPolicy;
use laneway_domain::{
    Act, AfterDeadLetter, AggregateId, AggregateKey, Answer, Begun, Body, By, Cancellation, DeadLetter,
    DeadLetterDesk, DeadLetterQueue, Death, DeathCause, Envelope, Event, Filter, Handler, HandlerContext,
    HandlerError, HandlerMask, LetterId, OwnerId, ParkEntry, ParkState, Parking, PartitionNumber, Position,
    Received, RevocationId, Scope, SessionEvent, Timestamp, handler_fn,
};

use crate::broker::topic;
use crate::stage::{Stage, group, name, options};

const REDRIVE: Act = Act::Redrive { per_second: None };

fn key() -> AggregateKey {
    AggregateKey { topic: topic(), tenant: None, id: AggregateId::new("a").unwrap() }
}

fn death() -> Death {
    let at = Timestamp::default();
    Death {
        cause: DeathCause::Fatal,
        errors: vec![],
        attempts: 1,
        first_failed: at,
        last_failed: at,
        handlers: HandlerMask::ALL,
    }
}

/// Parks events of the aggregate `a`, the first of them dead, as an owner before us did.
pub(crate) async fn parked(stage: &Stage, partition: u32, events: &[(u64, &str)]) {
    let scope = Scope { group: group(), topic: topic(), partition: PartitionNumber(partition) };
    let (claim, _) = stage.letters.claim(&scope, &OwnerId::new("before").unwrap()).await.unwrap();
    let (at, death) = (Timestamp::default(), death());
    let entry = |(n, (position, name)): (usize, &(u64, &str))| {
        let envelope = Envelope::new(topic(), (*name).to_owned()).with_aggregate(key().id);
        let event =
            Received { position: Position::new(*position), appended: at, body: Body::Event(envelope) };
        let state = if n == 0 { ParkState::Dead(Box::new(death.clone())) } else { ParkState::Follower };
        ParkEntry { key: Some(key()), event, state, begun: Begun::default() }
    };
    stage.letters.park(&claim, events.iter().enumerate().map(entry).collect()).await.unwrap();
}

pub(crate) async fn redrive(stage: &Stage) {
    let by = By::new("a test", "to see it").unwrap();
    stage.letters.ask(&Filter::group(group()), REDRIVE, &by, Timestamp::default(), false).await.unwrap();
}

async fn answers(stage: &Stage) -> Vec<Answer> {
    let audit = stage.letters.audit(&group(), None, 99).await.unwrap();
    audit.into_iter().filter_map(|(_, line)| line.answer).collect()
}

pub(crate) async fn answered(stage: &Stage, count: usize) -> Vec<Answer> {
    let all = async {
        while answers(stage).await.len() < count {
            pass(stage, 100).await;
        }
    };
    stage.diary.within(crate::diary::PATIENCE, all).await.unwrap();
    answers(stage).await
}

pub(crate) async fn pass(stage: &Stage, millis: u64) {
    stage.clock.wake_at(stage.clock.monotonic() + Duration::from_millis(millis)).await;
}

pub(crate) fn started(stage: &Stage) -> Vec<String> {
    stage.diary.read(|page| page.started.clone())
}

/// Cannot be stopped.
struct Finishes<H>(H);

impl<H: Handler> Handler for Finishes<H> {
    async fn handle(&self, event: &Event, context: &HandlerContext<'_>) -> Result<(), HandlerError> {
        self.0.handle(event, context).await
    }

    fn cancellation(&self) -> Cancellation {
        Cancellation::Finish
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_that_begins_while_a_ghost_runs_is_whole_and_in_order() {
    let stage = Stage::new();
    let subscription = stage.subscribe(options(), Finishes(stage.handler())).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "holds")]);
    stage.diary.until("it runs", |page| page.has_started("holds")).await;
    stage.broker.lose(0);
    parked(&stage, 0, &[(0, "a0"), (1, "a1"), (2, "a2 dies"), (3, "a3")]).await;
    stage.broker.assign(0);
    redrive(&stage).await;
    pass(&stage, 3_000).await;
    assert_eq!((started(&stage).len(), answers(&stage).await.len()), (1, 0), "the ghost has the lane");
    stage.diary.free("holds");
    assert_eq!(answered(&stage, 1).await, [Answer::FailedAgain(2)]);
    // The lot still knows that it is parked.
    redrive(&stage).await;
    assert_eq!(answered(&stage, 2).await[1], Answer::FailedAgain(0));
    assert_eq!(started(&stage), ["holds", "a0", "a1", "a2 dies", "a2 dies"]);
    assert_eq!(subscription.stats().lanes.parked, 1);
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_that_waits_in_two_partitions_is_redriven_in_both() {
    let stage = Stage::new();
    let subscription = stage.subscribe(options(), stage.handler()).await;
    parked(&stage, 0, &[(0, "a0"), (1, "a1")]).await;
    parked(&stage, 1, &[(0, "A0"), (1, "A1")]).await;
    [0, 1].into_iter().for_each(|partition| stage.broker.assign(partition));
    for partition in [0, 1] {
        stage.broker.deliver(partition, &[("", "x"), ("", "y"), ("a", "last")]);
    }
    stage.diary.until("the others", |page| page.started.len() == 4).await;
    redrive(&stage).await;
    let mut done = answered(&stage, 2).await;
    done.sort_by_key(|answer| format!("{answer:?}"));
    assert_eq!(done, [Answer::Done(3), Answer::Done(3)]);
    let has_all = |stats: &laneway_application::consume::SubscriptionStats| stats.open == 0;
    subscription.wait_until(has_all).await;
    let started = started(&stage);
    let place = |name: &str| started.iter().position(|other| other == name).unwrap();
    assert!(place("a0") < place("a1") && place("A0") < place("A1"), "{started:?}");
    assert_eq!(started.len(), 10, "{started:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_beside_a_parked_lane_is_not_overtaken_while_that_opens() {
    let stage = Stage::new();
    let subscription = stage.subscribe(options(), stage.handler()).await;
    parked(&stage, 0, &[(0, "holds a0")]).await;
    [0, 1].into_iter().for_each(|partition| stage.broker.assign(partition));
    stage.broker.deliver(1, &[("a", "A0")]);
    pass(&stage, 100).await;
    redrive(&stage).await;
    stage.diary.until("the last page is at work", |page| page.has_started("holds a0")).await;
    stage.broker.deliver(1, &[("a", "A1 dies"), ("a", "A2")]);
    stage.broker.deliver(0, &[("", "x"), ("a", "a1")]);
    pass(&stage, 100).await;
    stage.diary.free("holds a0");
    stage.diary.until("A1 has its turn", |page| page.has_started("A1 dies")).await;
    subscription.wait_until(|stats| stats.open == 1).await;
    redrive(&stage).await;
    assert_eq!(answered(&stage, 2).await, [Answer::Done(1), Answer::FailedAgain(0)]);
    assert_eq!(started(&stage), ["holds a0", "x", "A0", "A1 dies", "A1 dies"], "A2 and a1 wait behind it");
}

#[tokio::test(start_paused = true)]
async fn what_another_partition_has_parked_is_not_overtaken_where_it_comes_while_a_lane_opens() {
    let stage = Stage::new();
    let subscription = stage.subscribe(options(), stage.handler()).await;
    parked(&stage, 0, &[(0, "holds a0")]).await;
    stage.broker.assign(0);
    redrive(&stage).await;
    stage.diary.until("the last page is at work", |page| page.has_started("holds a0")).await;
    parked(&stage, 1, &[(0, "A0")]).await;
    stage.broker.assign(1);
    stage.broker.deliver(1, &[("", "x"), ("a", "A1")]);
    stage.diary.until("partition 1 is read", |page| page.has_started("x")).await;
    stage.diary.free("holds a0");
    assert_eq!(answered(&stage, 1).await, [Answer::Done(1)]);
    subscription.wait_until(|stats| stats.open == 0).await;
    redrive(&stage).await;
    assert_eq!(answered(&stage, 2).await[1], Answer::Done(2));
    assert_eq!(started(&stage), ["holds a0", "x", "A0", "A1"]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_stays_parked_when_the_head_of_another_partition_is_forgotten() {
    let stage = Stage::new();
    let mut options = options();
    options.max_in_flight = 1;
    let subscription = stage.subscribe(options, stage.handler()).await;
    [1, 2].into_iter().for_each(|partition| stage.broker.assign(partition));
    stage.broker.deliver(2, &[("b", "holds")]);
    stage.diary.until("it runs", |page| page.has_started("holds")).await;
    stage.broker.deliver(1, &[("a", "ready, and forgotten")]);
    parked(&stage, 0, &[(0, "a0"), (1, "a1")]).await;
    stage.broker.assign(0);
    pass(&stage, 1_000).await;
    stage.broker.lose(1);
    stage.broker.deliver(0, &[("", "x"), ("", "y"), ("a", "a2")]);
    stage.diary.free("holds");
    stage.diary.until("the others", |page| page.has_started("y")).await;
    subscription.wait_until(|stats| stats.open == 0).await;
    assert!(!stage.diary.read(|page| page.has_started("a2")), "its head is parked");
    redrive(&stage).await;
    assert_eq!(answered(&stage, 1).await, [Answer::Done(3)]);
    assert_eq!(started(&stage), ["holds", "x", "y", "a0", "a1", "a2"]);
}

async fn dies(stage: &Stage, partition: u32) -> Subscription {
    let subscription = stage.subscribe(options(), stage.handler()).await;
    stage.broker.assign(partition);
    stage.broker.deliver(partition, &[("a", "dies"), ("a", "behind it")]);
    subscription
}

#[tokio::test(start_paused = true)]
async fn a_revocation_does_not_wait_for_a_store_that_refuses_for_ever() {
    let stage = Stage::new();
    let full = laneway_memory::DeadLetterConfig { letters: 1, ..Default::default() };
    let stage = Stage { letters: laneway_memory::MemoryDeadLetters::bounded(full).unwrap(), ..stage };
    let subscription = dies(&stage, 0).await;
    let mut health = subscription.watch_health();
    drop(health.wait_for(|health| health.dead_letter_store.is_some()).await.unwrap());
    let until = stage.clock.monotonic() + Duration::from_secs(3);
    let partitions = stage.broker.current(0);
    stage.broker.say(SessionEvent::Revoking { revocation: RevocationId(7), partitions, until });
    stage.diary.until("it is given back", |page| page.released == Some(RevocationId(7))).await;
    assert!(stage.clock.monotonic() <= until);
}

/// A dead letter that closes no lane, of the event `holds a0` at the partition's first position.
async fn letter(stage: &Stage) {
    let id = LetterId {
        group: group(),
        topic: topic(),
        partition: PartitionNumber(0),
        position: Position::new(0),
    };
    let original = Body::Event(Envelope::new(topic(), "holds a0").with_aggregate(key().id));
    let (key, appended) = (Some(key()), Timestamp::default());
    let entry = DeadLetter { id, key, appended, original, death: death() };
    assert!(stage.letters.bury(vec![entry]).await.iter().all(Result::is_ok));
}

/// A letter is redriven while its event is redelivered, fails, and waits in the store for so many attempts.
async fn is_redelivered_and_waits(attempts: usize) {
    let stage = Stage::new();
    letter(&stage).await;
    let wait = Duration::from_secs(9);
    let mut options = options();
    options.after_dead_letter = Some(AfterDeadLetter::Skip);
    options.hold = wait / 9;
    options.retry = RetryPolicy {
        max_retries: 9,
        initial_interval: wait,
        max_interval: wait,
        multiplier: 1.0,
        jitter: 0.0,
    };
    let diary = stage.diary.clone();
    let handler = handler_fn(move |event: Event| {
        let diary = diary.clone();
        async move {
            let name = name(&event);
            diary.write(|page| page.started.push(name.clone()));
            let tried = diary.read(|page| page.started.len());
            diary.freed(&name).await;
            if tried <= attempts { Err(HandlerError::retryable("not yet")) } else { Ok(()) }
        }
    });
    let subscription = stage.subscribe(options, handler).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "holds a0")]);
    stage.diary.until("it runs", |page| page.has_started("holds a0")).await;
    redrive(&stage).await;
    pass(&stage, 3_000).await;
    stage.diary.free("holds a0");
    subscription.wait_until(|stats| stats.parked == 1).await;
    pass(&stage, 60_000).await;
    assert_eq!(started(&stage).len(), attempts + 1, "it is handled once");
    assert_eq!((answers(&stage).await, stage.buried().await), (vec![Answer::Nothing], 0));
}

#[tokio::test(start_paused = true)]
async fn a_letter_whose_event_was_handled_out_of_the_store_is_not_handled_again() {
    is_redelivered_and_waits(1).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_in_the_store_is_tried_again_beside_its_letter() {
    is_redelivered_and_waits(2).await;
}

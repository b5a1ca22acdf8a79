//! The test kit, as users have it: handlers with no broker, and a whole service in memory on a virtual clock, with faults
//! and without.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use laneway::domain::{AfterDeadLetter, AggregateKey, Answer, Filter, LetterId, PartitionNumber, Position};
use laneway::policy::RetryPolicy;
use laneway::prelude::*;
use laneway::route::typed_with;
use laneway::testing::{Ended, FaultPlan, Given, RedriveError, TestBus, UnderWay, each_seed};
use serde::{Deserialize, Serialize};

const ORDERS: TopicName = TopicName::from_static("orders");

fn group() -> GroupId {
    GroupId::new("billing").unwrap()
}

fn options() -> SubscriptionOptions {
    SubscriptionOptions::new(group(), [ORDERS])
}

fn event(aggregate: &str, payload: &'static str) -> Envelope {
    Envelope::new(ORDERS, payload).with_aggregate(AggregateId::new(aggregate).unwrap())
}

fn key(aggregate: &str) -> AggregateKey {
    AggregateKey { topic: ORDERS, tenant: None, id: AggregateId::new(aggregate).unwrap() }
}

/// What a handler of these tests does with a payload.
fn by_payload(ill: &Arc<AtomicBool>) -> impl Handler + use<> {
    let ill = ill.clone();
    handler_fn(move |event: Event| {
        let ill = ill.load(Ordering::SeqCst);
        async move {
            match &**event.payload() {
                b"sick" if ill => Err(HandlerError::fatal("it is sick")),
                b"later" if ill => Err(HandlerError::retryable("not yet")),
                b"hangs" => std::future::pending().await,
                _ => Ok(()),
            }
        }
    })
}

fn payloads(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| String::from_utf8_lossy(event.payload()).into_owned()).collect()
}

#[derive(Debug, Serialize, Deserialize, DomainEvent)]
#[event(type = "order.placed", aggregate = "order", topic = "orders")]
struct OrderPlaced {
    order: u64,
    total: u64,
}

async fn add(
    Typed(placed): Typed<OrderPlaced>,
    State(sum): State<Arc<AtomicU64>>,
) -> Result<(), HandlerError> {
    sum.fetch_add(placed.total, Ordering::SeqCst);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn typed_functions_and_routers_are_handlers_of_the_kit() {
    let (sum, placed) =
        (Arc::new(AtomicU64::new(0)), |total| OrderPlaced { order: 42, total }.envelope().unwrap());
    let typed = typed_with(sum.clone(), add);
    Given::handler(typed).given([placed(1), placed(2)]).when(placed(4)).await.then_ok();
    assert_eq!(sum.load(Ordering::SeqCst), 7);
    let router = EventRouter::with_state(sum.clone()).on("add", add).build().unwrap();
    let strange = event("order:42", "x").with_event_type(EventType::from_static("order.eaten"));
    Given::handler(router).when(placed(8)).await.then_ok().when(strange).await.then_dead("order.eaten");
    assert_eq!(sum.load(Ordering::SeqCst), 15);
}

#[tokio::test(start_paused = true)]
async fn quiet_is_when_all_is_handled_and_committed_after_every_retry() {
    let (bus, ill) = (TestBus::new(), Arc::new(AtomicBool::new(true)));
    bus.subscribe(options(), by_payload(&ill)).await.unwrap();
    bus.deliver([event("a", "later"), event("a", "behind"), event("b", "x")]).await.unwrap();
    bus.advance(Duration::from_millis(10)).await;
    assert!(
        bus.under_way().await.iter().any(|what| matches!(what, UnderWay::Lane { aggregate: Some(_), .. }))
    );
    ill.store(false, Ordering::SeqCst);
    bus.await_quiet().await.unwrap();
    assert_eq!(bus.under_way().await, []);
    let mut handled = payloads(&bus.handled(&group()));
    handled.sort();
    assert_eq!(handled, ["behind", "later", "x"]);
    assert_eq!(bus.published().len(), 3);
    assert!(matches!(&bus.handlings()[0].ended, Some(Ended::Failed(_) | Ended::Handled)));
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_bus_from_being_quiet_is_named() {
    let (bus, ill) = (TestBus::new(), Arc::new(AtomicBool::new(true)));
    let mut options = options();
    options.processing_timeout = Duration::from_secs(3_600);
    options.after_dead_letter = Some(AfterDeadLetter::Block);
    bus.subscribe(options, by_payload(&ill)).await.unwrap();
    bus.deliver([event("a", "hangs"), event("b", "sick")]).await.unwrap();
    let error = bus.await_quiet_within(Duration::from_secs(60)).await.unwrap_err();
    let text = error.to_string();
    assert!(error.waited >= Duration::from_secs(60), "{text}");
    assert!(text.contains("a") && text.contains("its handler runs"), "{text}");
    assert!(text.contains("it is dead and blocks its lane") && text.contains("are not committed"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_in_the_store_for_its_time_is_waited_for() {
    let (bus, ill) = (TestBus::new(), Arc::new(AtomicBool::new(true)));
    let mut options = options();
    let wait = Duration::from_secs(600);
    options.retry = RetryPolicy { initial_interval: wait, max_interval: wait, ..RetryPolicy::default() };
    bus.subscribe(options, by_payload(&ill)).await.unwrap();
    bus.deliver([event("a", "later")]).await.unwrap();
    bus.advance(Duration::from_secs(5)).await;
    assert!(matches!(bus.under_way().await[..], [UnderWay::Backoff { .. }]), "{:?}", bus.under_way().await);
    ill.store(false, Ordering::SeqCst);
    bus.await_quiet().await.unwrap();
    assert_eq!(payloads(&bus.handled(&group())), ["later"]);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_seen_and_redriven_one_by_one_and_by_aggregate() {
    let (bus, ill) = (TestBus::new(), Arc::new(AtomicBool::new(true)));
    bus.subscribe(options(), by_payload(&ill)).await.unwrap();
    bus.deliver([event("a", "sick"), event("a", "1"), event("b", "sick"), event("b", "2")]).await.unwrap();
    bus.await_quiet().await.unwrap();
    let (dead, stored) = (bus.dead(&group()).await, bus.stored(&group()).await);
    assert_eq!((dead.len(), stored.len(), bus.handled(&group()).len()), (2, 4, 0));
    assert_eq!(
        bus.redrive(&Filter::group(group())).await.unwrap(),
        [Answer::FailedAgain(0), Answer::FailedAgain(0)]
    );
    ill.store(false, Ordering::SeqCst);
    let head = dead.into_iter().find(|letter| letter.key == Some(key("a"))).unwrap();
    assert_eq!(bus.redrive(&Filter::entry(head.id)).await.unwrap(), [Answer::Done(1)]);
    assert_eq!(payloads(&bus.handled(&group())), ["sick"]);
    let rest = bus.redrive(&Filter::aggregate(group(), key("a"))).await.unwrap();
    assert_eq!(rest, [Answer::Done(1)]);
    assert_eq!(bus.redrive(&Filter::aggregate(group(), key("b"))).await.unwrap(), [Answer::Done(2)]);
    assert_eq!(payloads(&bus.handled(&group())), ["sick", "1", "sick", "2"]);
    bus.await_quiet().await.unwrap();
    assert_eq!(bus.stored(&group()).await, []);
    let gone = bus.redrive(&Filter::aggregate(group(), key("b"))).await.unwrap_err();
    assert!(matches!(gone, RedriveError::Desk(_)), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_nobody_answers_says_what_is_under_way() {
    let (bus, ill) = (TestBus::new(), Arc::new(AtomicBool::new(true)));
    let subscription = bus.subscribe(options(), by_payload(&ill)).await.unwrap();
    bus.deliver([event("a", "sick")]).await.unwrap();
    bus.await_quiet().await.unwrap();
    subscription.close(Duration::from_secs(1)).await;
    let error = bus.redrive(&Filter::group(group())).await.unwrap_err();
    assert!(matches!(error, RedriveError::NotQuiet(_)), "{error}");
    let unknown =
        LetterId { group: group(), topic: ORDERS, partition: PartitionNumber(0), position: Position::new(9) };
    assert!(bus.redrive(&Filter::entry(unknown)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn another_process_takes_over_where_one_ends_and_both_are_seen() {
    let (bus, ill) = (TestBus::new(), Arc::new(AtomicBool::new(false)));
    bus.subscribe(options(), by_payload(&ill)).await.unwrap();
    bus.deliver([event("a", "1")]).await.unwrap();
    bus.await_quiet().await.unwrap();
    bus.close(Duration::from_secs(10)).await;
    let next = bus.another();
    next.event_bus().subscribe(options(), by_payload(&ill)).await.unwrap();
    next.deliver([event("a", "2")]).await.unwrap();
    next.await_quiet().await.unwrap();
    assert_eq!(next.subscriptions()[0].stats().handled, 1, "what subscribes by itself is waited for as well");
    assert_eq!((bus.handled(&group()).len(), bus.published().len()), (1, 2));
}

#[test]
fn under_faults_every_event_is_handled_in_its_order_at_least_once() {
    each_seed(0..40, |seed| async move {
        let plan = FaultPlan::quiet(seed)
            .lose_acks(0.2)
            .redeliver(0.1)
            .crash(0.05)
            .slow_store(0.5)
            .failing_store(0.3);
        let (bus, ill) = (TestBus::with_faults(plan).unwrap(), Arc::new(AtomicBool::new(true)));
        bus.subscribe(options(), by_payload(&ill)).await.unwrap();
        let all =
            ["a", "b", "c"].into_iter().flat_map(|of| [event(of, "1"), event(of, "sick"), event(of, "3")]);
        bus.deliver(all).await.unwrap();
        bus.await_quiet().await.unwrap();
        ill.store(false, Ordering::SeqCst);
        bus.redrive(&Filter::group(group())).await.unwrap();
        bus.await_quiet().await.unwrap();
        assert!(bus.stored(&group()).await.is_empty());
        let mut orders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in bus.handled(&group()) {
            let order = orders.entry(event.aggregate().unwrap().to_string()).or_default();
            let payload = payloads(&[event]).remove(0);
            if !order.contains(&payload) {
                order.push(payload);
            }
        }
        assert!(orders.values().all(|order| *order == ["1", "sick", "3"]), "{orders:?}");
        assert_eq!(orders.len(), 3);
    });
}

#[test]
fn faults_strike_and_end_when_they_are_told_to() {
    let test = |seed| async move {
        let plan = FaultPlan::quiet(seed).lose_acks(1.0);
        let bus = TestBus::with_faults(plan).unwrap();
        assert!(bus.publish(event("a", "1")).await.is_err());
        bus.calm();
        bus.publish(event("a", "1")).await.unwrap();
        assert_eq!(bus.published().len(), 2, "the broker holds what was not acknowledged");
    };
    each_seed(0..3, test);
    let failed = catch_unwind(AssertUnwindSafe(|| each_seed([7], |_| async { panic!("on purpose") })));
    assert!(failed.is_err());
}

#[test]
fn a_bus_that_is_made_outside_of_a_runtime_says_where_it_belongs() {
    let panic = catch_unwind(TestBus::new).unwrap_err();
    let said = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(
        said.contains("inside the test") && said.contains("#[tokio::test(start_paused = true)]"),
        "{said}"
    );
}

//! Reading: starts, batches, flow, fairness.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{
    Member, at, broker, event, events, fill, group, millis, pass, payloads, small, subscription, topic,
};
use laneway_domain::{
    Envelope, Epoch, Flow, Origin, Outgoing, Publisher, Resume, SessionEvent, StartFrom, Subscription,
    TopicAdmin, TopicPlan, TopicStrategy,
};
use laneway_memory::MemoryConfig;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn nothing_is_delivered_before_the_start_and_a_start_of_an_older_epoch_is_ignored() {
    let broker = small(100);
    fill(&broker, events("a", 0..3)).await;
    let mut member = Member::join(&broker, "g").await;
    let one = member.assigned().await.remove(0);
    member.says_nothing();
    member.0.start(one.partition, Epoch(one.epoch.0 - 1), Resume::Start);
    member.says_nothing();
    member.0.start(one.partition, one.epoch, Resume::Start);
    assert_eq!(member.payloads(3).await, ["0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn positions_rise_within_an_epoch_so_a_second_start_is_ignored() {
    let broker = small(100);
    fill(&broker, events("a", 0..3)).await;
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    member.batch().await;
    member.0.start(one.partition, one.epoch, Resume::Start);
    member.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_reader_starts_where_it_is_told() {
    let broker = small(100);
    fill(&broker, events("a", 0..5)).await;
    for (n, (from, first)) in
        [(Resume::Start, "0"), (at(3), "3"), (Resume::After(laneway_domain::Position::new(3)), "4")]
            .into_iter()
            .enumerate()
    {
        let mut member = Member::join(&broker, &format!("g{n}")).await;
        let one = member.assigned().await.remove(0);
        member.0.start(one.partition, one.epoch, from);
        assert_eq!(payloads(&member.batch().await)[0], first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_at_its_limits_and_tells_what_is_left() {
    let broker = small(65_536);
    fill(&broker, events("a", 10..30)).await;
    let limits = |batch_events, batch_bytes| {
        let name = format!("{batch_events}-{batch_bytes}");
        Subscription { batch_events, batch_bytes, ..subscription(&name) }
    };
    for (limits, expected) in [(limits(7, 1_000), 7), (limits(100, 9), 4), (limits(100, 1), 1)] {
        let mut member = Member::open(&broker, limits).await;
        member.start().await;
        let batch = member.batch().await;
        assert_eq!((batch.rows.len(), batch.bytes), (expected, 2 * expected));
        assert_eq!(batch.pending, Some(20 - expected as u64));
        assert_eq!(member.payloads(20 - expected).await.len(), 20 - expected);
        member.says_nothing();
    }
}

#[tokio::test(start_paused = true)]
async fn groups_share_the_events_of_a_chunk() {
    let broker = small(65_536);
    fill(&broker, events("a", 0..100)).await;
    let (mut a, mut b) = (Member::started(&broker, "a").await, Member::started(&broker, "b").await);
    let (a, b) = (a.batch().await, b.batch().await);
    assert!(std::ptr::eq(a.rows.as_slice(), b.rows.as_slice()));
}

#[tokio::test(start_paused = true)]
async fn partitions_take_turns() {
    let broker = broker(MemoryConfig { partitions: 2, ..MemoryConfig::default() });
    for n in 0..400 {
        fill(&broker, vec![Envelope::new(topic("t"), n.to_string())]).await;
    }
    let mut member = Member::open(&broker, Subscription { batch_events: 10, ..subscription("g") }).await;
    member.start().await;
    let mut turns = Vec::new();
    for _ in 0..40 {
        turns.push(member.batch().await.partition);
    }
    assert!(turns.chunks(2).all(|pair| pair[0] != pair[1]), "{turns:?}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_flow_holds_one_partition_back_and_no_other() {
    let broker = broker(MemoryConfig { partitions: 2, ..MemoryConfig::default() });
    let mut member = Member::join(&broker, "g").await;
    let assigned = member.start().await;
    member.0.flow(assigned[0].partition, assigned[0].epoch, Flow::Closed);
    for n in 0..4 {
        fill(&broker, vec![Envelope::new(topic("t"), n.to_string())]).await;
    }
    let batch = member.batch().await;
    assert_eq!((batch.partition, payloads(&batch)), (assigned[1].partition, vec!["1".into(), "3".into()]));
    member.says_nothing();
    member.0.flow(assigned[0].partition, Epoch(9), Flow::Open);
    member.says_nothing();
    member.0.flow(assigned[0].partition, assigned[0].epoch, Flow::Open);
    assert_eq!(member.payloads(2).await, ["0", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_flow_closed_while_nothing_was_there_opens_with_what_came() {
    let broker = small(100);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    member.says_nothing();
    member.0.flow(one.partition, one.epoch, Flow::Closed);
    fill(&broker, events("a", 0..2)).await;
    member.says_nothing();
    member.0.flow(one.partition, one.epoch, Flow::Open);
    assert_eq!(member.payloads(2).await, ["0", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_opens_the_flow() {
    let broker = small(100);
    fill(&broker, events("a", 0..2)).await;
    let mut member = Member::join(&broker, "g").await;
    let one = member.assigned().await.remove(0);
    member.0.flow(one.partition, one.epoch, Flow::Closed);
    member.0.start(one.partition, one.epoch, one.initial);
    assert_eq!(member.payloads(2).await, ["0", "1"]);
}

#[tokio::test(start_paused = true)]
async fn the_latest_event_is_committed_as_the_start_so_that_a_crash_does_not_move_it() {
    let broker = small(100);
    fill(&broker, events("a", 0..3)).await;
    let latest = Subscription { start: StartFrom::Latest, ..subscription("g") };
    drop(Member::open(&broker, latest.clone()).await);
    fill(&broker, events("a", 3..5)).await;
    let mut member = Member::open(&broker, latest).await;
    let one = member.start().await.remove(0);
    assert_eq!(one.stored.unwrap().resume, at(3));
    assert_eq!(member.payloads(2).await, ["3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_may_start_at_a_time() {
    let broker = small(100);
    for n in 0..5 {
        fill(&broker, events("a", n..n + 1)).await;
        pass(Duration::from_secs(1)).await;
    }
    for (n, (after, first)) in [(0, "0"), (1_001, "2"), (3_000, "3")].into_iter().enumerate() {
        let start = StartFrom::At(millis(after));
        let mut member =
            Member::open(&broker, Subscription { start, ..subscription(&format!("g{n}")) }).await;
        assert!(member.start().await[0].stored.is_some(), "the first position is committed");
        assert_eq!(payloads(&member.batch().await)[0], first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_subscribed_before_any_event_gets_the_first() {
    let broker = small(100);
    let mut member = Member::started(&broker, "g").await;
    let publisher = broker.clone();
    let (payloads, ()) = tokio::join!(member.payloads(1), fill(&publisher, events("a", 0..1)));
    assert_eq!(payloads, ["0"]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_ten_thousand_partitions_delivers_only_what_has_something() {
    let broker = broker(MemoryConfig::default());
    let plan = TopicPlan {
        topic: topic("t"),
        partitions: Some(10_000),
        replication: None,
        retention: None,
        retention_bytes: None,
        strategy: TopicStrategy::CreateOnly,
    };
    broker.apply(&plan).await.unwrap();
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(member.start().await.len(), 10_000);
    member.says_nothing();
    let batch: Vec<_> = (0..1_000).map(|n| event(&format!("order:{n}"), n)).collect();
    let results = broker.publish(Outgoing { events: batch, origin: Origin::Caller }).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(member.payloads(1_000).await.len(), 1_000);
    member.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_by_name() {
    use laneway_domain::{SubscribeError, Subscriber};
    let broker = broker(MemoryConfig::default());
    let cases = [
        ("topics", Subscription { topics: vec![], ..subscription("g") }),
        ("topics", Subscription { topics: vec![topic("a"), topic("b"), topic("a")], ..subscription("g") }),
        ("batch_events", Subscription { batch_events: 0, ..subscription("g") }),
        ("batch_bytes", Subscription { batch_bytes: 0, ..subscription("g") }),
    ];
    for (field, subscription) in cases {
        match broker.open(subscription).await {
            Err(SubscribeError::Invalid(invalid)) => assert_eq!(invalid.field(), field),
            other => panic!("{field}: {:?}", other.err()),
        }
    }
    assert!(!broker.forget(&group("g")), "a refused subscription makes no group");
}

#[tokio::test(start_paused = true)]
async fn the_newest_events_wait_for_nobody_who_reads_old_ones() {
    let broker = small(65_536);
    fill(&broker, events("a", 0..200)).await;
    let mut member = Member::started(&broker, "g").await;
    member.batch().await;
    fill(&broker, events("a", 200..201)).await;
    assert_eq!(member.payloads(101).await.last().unwrap(), "200");
    assert!(!matches!(member.now(), Some(SessionEvent::Batch(_))));
}

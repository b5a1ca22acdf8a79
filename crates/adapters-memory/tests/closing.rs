//! The end of sessions and of the broker.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Member, at, checkpoint, events, fill, group, publish, small, soon, subscription, topic};
use laneway_domain::{
    AdminError, BacklogChecker, Monotonic, PublishError, PublishFault, Resume, SessionEvent, SubscribeError,
    Subscriber, TopicAdmin, TopicPlan, TopicStrategy,
};
use laneway_memory::{MemoryBroker, MemoryConfig};

#[tokio::test(start_paused = true)]
async fn a_closed_broker_takes_no_event_and_no_member() {
    let broker = small(100);
    fill(&broker, events("a", 0..1)).await;
    broker.clone().close();
    for name in ["t", "new"] {
        let mut batch = events("a", 1..3);
        batch.push(laneway_domain::Envelope::new(topic(name), "x"));
        let results = publish(&broker, batch).await;
        assert_eq!(results.len(), 3);
        for result in results {
            assert_eq!(result.unwrap_err().fault(), PublishFault::Closed);
        }
    }
    assert!(matches!(broker.open(subscription("g")).await.err(), Some(SubscribeError::Closed)));
    let lag = broker.backlog(&group("g"), &[topic("t")]).await.unwrap();
    assert_eq!(lag[0].events, 1, "what was refused is not stored");
    broker.close();
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_waits_hears_of_the_close_at_once() {
    let broker = small(2);
    let _member = Member::join(&broker, "g").await;
    let before = common::Stopwatch::start();
    let close = async {
        tokio::task::yield_now().await;
        broker.close();
    };
    let (results, ()) = tokio::join!(biased; publish(&broker, events("a", 0..4)), close);
    let faults: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(PublishError::fault)).collect();
    assert_eq!(faults, [None, None, Some(PublishFault::Closed), Some(PublishFault::Closed)]);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn sessions_end_with_closed_and_say_nothing_more() {
    let broker = small(100);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    let close = async {
        tokio::task::yield_now().await;
        fill(&broker, events("a", 0..1)).await;
        broker.close();
    };
    let (event, ()) = tokio::join!(biased; member.next(), close);
    assert!(matches!(event, SessionEvent::Batch(_) | SessionEvent::Closed), "{event:?}");
    if matches!(event, SessionEvent::Batch(_)) {
        assert_eq!(
            member.commit(vec![checkpoint(&one, at(1))])[0].result,
            Ok(at(1)),
            "until it has heard of it"
        );
        assert!(matches!(member.next().await, SessionEvent::Closed));
    }
    member.0.commit(vec![checkpoint(&one, at(1))]);
    member.0.start(one.partition, one.epoch, Resume::Start);
    member.0.close(Vec::new(), Monotonic::NEVER);
    member.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_session_says_closed_once_however_often_the_broker_is_closed() {
    let broker = small(100);
    let mut member = Member::started(&broker, "g").await;
    broker.close();
    broker.close();
    assert!(matches!(member.next().await, SessionEvent::Closed));
    member.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_commits_and_ends_at_once() {
    let broker = small(100);
    fill(&broker, events("a", 0..3)).await;
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    member.batch().await;
    member.0.close(vec![checkpoint(&one, at(2))], Monotonic::ZERO);
    assert!(matches!(member.next().await, SessionEvent::Committed(done) if done[0].result.is_ok()));
    assert!(matches!(member.next().await, SessionEvent::Closed));
    member.says_nothing();
    let lag = broker.backlog(&group("g"), &[topic("t")]).await.unwrap();
    assert_eq!((lag[0].events, lag[0].owned), (1, false));
    drop(member);
    assert!(broker.forget(&group("g")), "it left the group once");
}

#[tokio::test(start_paused = true)]
async fn sessions_outlive_the_broker_that_opened_them() {
    let broker = small(100);
    fill(&broker, events("a", 0..1)).await;
    let mut member = Member::started(&broker, "g").await;
    drop(broker);
    assert_eq!(soon(member.payloads(1)).await, ["0"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_broker_makes_no_topic() {
    let broker = small(100);
    broker.close();
    let plan = TopicPlan {
        topic: topic("new"),
        partitions: None,
        replication: None,
        retention: None,
        retention_bytes: None,
        strategy: TopicStrategy::CreateOnly,
    };
    assert!(matches!(broker.apply(&plan).await, Err(AdminError::Unavailable { .. })));
}

#[tokio::test]
async fn unsound_settings_make_no_broker() {
    let config = MemoryConfig { partitions: 0, retention_events: 0, ..MemoryConfig::default() };
    let faults = MemoryBroker::new(config, laneway_testkit::SimClock::shared()).unwrap_err();
    let fields: Vec<_> = faults.iter().map(laneway_domain::Invalid::field).collect();
    assert_eq!(fields, ["memory.partitions", "memory.retention_events"]);
}

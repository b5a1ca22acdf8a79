//! Topics as things that are made and described.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Member, broker, event, fill, publish, topic};
use laneway_domain::{AdminError, TopicAdmin, TopicChange, TopicPlan, TopicState, TopicStrategy};
use laneway_memory::{MemoryBroker, MemoryConfig};

fn plan(strategy: TopicStrategy) -> TopicPlan {
    let (partitions, replication, retention, retention_bytes) = (Some(3), None, None, None);
    TopicPlan { topic: topic("t"), partitions, replication, retention, retention_bytes, strategy }
}

async fn state(broker: &MemoryBroker) -> Option<TopicState> {
    broker.describe(&[topic("t")]).await.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_first_use_makes_a_topic_with_the_defaults_and_a_look_makes_none() {
    let broker = broker(MemoryConfig { partitions: 5, ..MemoryConfig::default() });
    assert_eq!(state(&broker).await, None);
    fill(&broker, vec![event("a", 1)]).await;
    let (retention, retention_bytes) = (None, Some(64 << 20));
    let made = TopicState { topic: topic("t"), partitions: 5, replication: 1, retention, retention_bytes };
    assert_eq!(state(&broker).await, Some(made));
}

#[tokio::test(start_paused = true)]
async fn each_strategy_goes_as_far_as_it_says() {
    use TopicStrategy::{CreateOnly, CreateOrUpdate, Skip, ValidateOnly};
    let broker = broker(MemoryConfig::default());
    assert_eq!(broker.apply(&plan(Skip)).await.unwrap(), []);
    let missing = broker.apply(&plan(ValidateOnly)).await.unwrap();
    assert!(matches!(&missing[..], [TopicChange::Differs { setting: "topic", .. }]), "{missing:?}");
    assert_eq!(state(&broker).await, None);
    assert_eq!(broker.apply(&plan(CreateOnly)).await.unwrap(), [TopicChange::Created]);
    assert_eq!(broker.apply(&plan(CreateOrUpdate)).await.unwrap(), []);
    let other = |strategy| TopicPlan { retention_bytes: Some(2 << 20), ..plan(strategy) };
    assert_eq!(broker.apply(&other(CreateOnly)).await.unwrap(), []);
    let differs = broker.apply(&other(ValidateOnly)).await.unwrap();
    let (wanted, found) = ((2 << 20).to_string(), (64 << 20).to_string());
    assert_eq!(differs, [TopicChange::Differs { setting: "retention_bytes", wanted, found }]);
    let changed = broker.apply(&other(CreateOrUpdate)).await.unwrap();
    assert_eq!(changed, [TopicChange::Changed { setting: "retention_bytes" }]);
    assert_eq!(state(&broker).await.unwrap().retention_bytes, Some(2 << 20));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_partitions_never_changes() {
    let broker = broker(MemoryConfig::default());
    broker.apply(&plan(TopicStrategy::CreateOnly)).await.unwrap();
    let more = |strategy| TopicPlan { partitions: Some(4), ..plan(strategy) };
    let refused = broker.apply(&more(TopicStrategy::CreateOrUpdate)).await.unwrap_err();
    assert!(
        matches!(&refused, AdminError::Refused { reason } if reason.contains("3 partitions")),
        "{refused}"
    );
    let differs = broker.apply(&more(TopicStrategy::ValidateOnly)).await.unwrap();
    assert!(matches!(&differs[..], [TopicChange::Differs { setting: "partitions", .. }]));
    assert_eq!(state(&broker).await.unwrap().partitions, 3);
}

#[tokio::test(start_paused = true)]
async fn what_memory_cannot_do_is_refused_by_name_and_never_ignored() {
    let broker = broker(MemoryConfig::default());
    let base = || plan(TopicStrategy::CreateOrUpdate);
    let cases = [
        ("partitions", TopicPlan { partitions: Some(0), ..base() }),
        ("partitions", TopicPlan { partitions: Some(10_001), ..base() }),
        ("replication", TopicPlan { replication: Some(3), ..base() }),
        ("retention", TopicPlan { retention: Some(Duration::from_secs(60)), ..base() }),
        ("retention_bytes", TopicPlan { retention_bytes: Some(1_000), ..base() }),
        ("retention_bytes", TopicPlan { retention_bytes: Some(u64::MAX), ..base() }),
    ];
    for (field, plan) in cases {
        match broker.apply(&plan).await.unwrap_err() {
            AdminError::Invalid(invalid) => assert_eq!(invalid.field(), field),
            other => panic!("{field}: {other}"),
        }
    }
    assert_eq!(state(&broker).await, None);
    let one_copy = TopicPlan { replication: Some(1), ..base() };
    assert_eq!(broker.apply(&one_copy).await.unwrap(), [TopicChange::Created]);
}

#[tokio::test(start_paused = true)]
async fn more_bytes_are_room_at_once() {
    let config = MemoryConfig { max_event_bytes: 1_000, retention_bytes: 1_000, ..MemoryConfig::default() };
    let broker = broker(config);
    let _group = Member::join(&broker, "g").await;
    let large = || vec![event("a", "x".repeat(600))];
    fill(&broker, large()).await;
    let before = common::Stopwatch::start();
    let grow = async {
        tokio::task::yield_now().await;
        let partitions = None;
        let retention_bytes = Some(2_000);
        let plan = TopicPlan { partitions, retention_bytes, ..plan(TopicStrategy::CreateOrUpdate) };
        broker.apply(&plan).await.unwrap();
    };
    let (results, ()) = tokio::join!(biased; publish(&broker, large()), grow);
    assert!(results[0].is_ok());
    assert_eq!(before.elapsed(), Duration::ZERO);
}

//! How far groups are behind, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Member, at, checkpoint, events, fill, group, millis, pass, small, subscription, topic};
use laneway_domain::{BacklogChecker, BacklogError, PartitionLag, StartFrom, Subscription, Timestamp};
use laneway_memory::{MemoryBroker, MemoryConfig, Overflow};

async fn lag(broker: &MemoryBroker, name: &str) -> PartitionLag {
    broker.backlog(&group(name), &[topic("t")]).await.unwrap().remove(0)
}

fn second(n: i64) -> Option<Timestamp> {
    Some(millis(n * 1_000))
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_what_is_not_committed_and_how_old_that_is() {
    let broker = small(100);
    for n in 0..4 {
        fill(&broker, events("a", n..n + 1)).await;
        pass(Duration::from_secs(1)).await;
    }
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    member.batch().await;
    let before = lag(&broker, "g").await;
    assert_eq!((before.events, before.exact, before.owned), (4, true, true));
    assert_eq!((before.oldest, before.oldest_retained), (second(0), second(0)));
    member.commit(vec![checkpoint(&one, at(3))]);
    let after = lag(&broker, "g").await;
    assert_eq!((after.events, after.oldest, after.oldest_retained), (1, second(3), second(0)));
    member.commit(vec![checkpoint(&one, at(4))]);
    drop(member);
    let end = lag(&broker, "g").await;
    assert_eq!((end.events, end.oldest, end.owned), (0, None, false));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_never_came_is_behind_with_everything_that_is_kept() {
    let broker = small(8);
    fill(&broker, events("a", 0..20)).await;
    assert_eq!(lag(&broker, "nobody").await.events, 8);
    let latest = Subscription { start: StartFrom::Latest, ..subscription("latest") };
    let _member = Member::open(&broker, latest).await;
    assert_eq!(lag(&broker, "latest").await.events, 0);
}

#[tokio::test(start_paused = true)]
async fn what_retention_dropped_counts_for_nobody() {
    let overflow = Overflow::DropOldest;
    let config = MemoryConfig { partitions: 1, retention_events: 8, overflow, ..MemoryConfig::default() };
    let broker = common::broker(config);
    let _member = Member::join(&broker, "g").await;
    fill(&broker, events("a", 0..20)).await;
    assert_eq!(lag(&broker, "g").await.events, 8);
}

#[tokio::test(start_paused = true)]
async fn every_partition_of_every_topic_has_a_row_and_an_unknown_topic_is_named() {
    let broker = common::broker(MemoryConfig { partitions: 3, ..MemoryConfig::default() });
    fill(&broker, events("a", 0..5)).await;
    let rows = broker.backlog(&group("g"), &[topic("t")]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.number.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(rows.iter().map(|row| row.events).sum::<u64>(), 5);
    let error = broker.backlog(&group("g"), &[topic("t"), topic("none")]).await.unwrap_err();
    assert!(matches!(error, BacklogError::UnknownTopic(name) if name == topic("none")));
}

//! Publishing: where events go, and what is answered.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Member, broker, event, events, fill, payloads, publish, topic};
use laneway_domain::{
    AggregateId, Envelope, Monotonic, PartitionNumber, Position, PublishError, PublishFault, Publisher,
    TopicAdmin, TopicPlan, TopicStrategy, partition_of,
};
use laneway_memory::MemoryConfig;
use proptest::prelude::*;

#[tokio::test(start_paused = true)]
async fn an_event_goes_to_the_partition_of_its_aggregate_and_gets_its_next_position() {
    let broker = broker(MemoryConfig::default());
    let batch: Vec<_> = (0..100).map(|n| event(&format!("order:{}", n % 7), n)).collect();
    let results = publish(&broker, batch).await;
    let mut next = [0; 8];
    for (n, result) in results.iter().enumerate() {
        let published = result.as_ref().unwrap();
        let home = partition_of(format!("order:{}", n % 7).as_bytes(), 8);
        let position = Position::new(next[home.0 as usize]);
        assert_eq!((published.partition, published.position), (home, Some(position)));
        next[home.0 as usize] += 1;
    }
    assert_eq!(results.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn events_without_an_aggregate_stay_together_and_calls_take_turns() {
    let broker = broker(MemoryConfig { partitions: 3, ..MemoryConfig::default() });
    let mut homes = Vec::new();
    for _ in 0..6 {
        let results = publish(&broker, vec![Envelope::new(topic("t"), "x"); 5]).await;
        let partitions: Vec<_> = results.into_iter().map(|result| result.unwrap().partition.0).collect();
        assert_eq!(partitions, [partitions[0]; 5]);
        homes.push(partitions[0]);
    }
    assert_eq!(homes, [0, 1, 2, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_event_over_the_limit_is_rejected_and_what_follows_it_in_its_lane_is_not_stored() {
    let broker = broker(MemoryConfig { max_event_bytes: 10, ..MemoryConfig::default() });
    let batch = vec![
        event("a", "fits"),
        event("a", "much too long").with_header("h", Some("1".into())),
        event("b", "fits"),
        event("a", "follows"),
    ];
    let mut results = publish(&broker, batch).await;
    let faults: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(PublishError::fault)).collect();
    assert_eq!(faults, [None, Some(PublishFault::Rejected), None, Some(PublishFault::Behind)]);
    let text = results.remove(1).unwrap_err().to_string();
    assert!(text.contains("15 bytes") && text.contains("10 are allowed"), "{text}");
    let capabilities = broker.capabilities();
    assert_eq!((capabilities.max_bytes, capabilities.ordered_prefix), (10, true));
}

#[tokio::test(start_paused = true)]
async fn one_call_may_carry_several_topics() {
    let broker = broker(MemoryConfig { partitions: 1, ..MemoryConfig::default() });
    let names = ["a", "b", "c"];
    let batch = (0..30).map(|n| Envelope::new(topic(names[n % 3]), n.to_string())).collect();
    for (n, result) in publish(&broker, batch).await.into_iter().enumerate() {
        assert_eq!(result.unwrap().position, Some(Position::new(n as u64 / 3)));
    }
}

#[tokio::test(start_paused = true)]
async fn topics_of_one_call_may_have_different_numbers_of_partitions() {
    let broker = broker(MemoryConfig { partitions: 1, ..MemoryConfig::default() });
    let (retention, retention_bytes, strategy) = (None, None, TopicStrategy::CreateOnly);
    let (topic, partitions, replication) = (topic("wide"), Some(3), None);
    broker
        .apply(&TopicPlan {
            topic: topic.clone(),
            partitions,
            replication,
            retention,
            retention_bytes,
            strategy,
        })
        .await
        .unwrap();
    for turn in 0..3 {
        let batch = vec![Envelope::new(topic.clone(), "x"), Envelope::new(common::topic("narrow"), "x")];
        let results = publish(&broker, batch).await;
        let homes: Vec<_> = results.into_iter().map(|result| result.unwrap().partition.0).collect();
        assert_eq!(homes, [turn, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_has_no_results_and_a_flush_leaves_nothing() {
    let broker = broker(MemoryConfig::default());
    assert!(publish(&broker, Vec::new()).await.is_empty());
    assert_eq!(broker.flush(Monotonic::ZERO).await.unknown, 0);
}

#[tokio::test(start_paused = true)]
async fn every_byte_of_an_event_comes_back_with_the_time_it_was_taken() {
    let broker = broker(MemoryConfig::default());
    common::pass(std::time::Duration::from_secs(7)).await;
    let sent = event("a", "x")
        .with_header("null", None)
        .with_header("empty", Some("".into()))
        .with_header("bytes", Some(vec![0xff, 0].into()))
        .with_tenant(laneway_domain::TenantId::new("acme").unwrap());
    fill(&broker, vec![sent.clone()]).await;
    let mut member = Member::started(&broker, "g").await;
    let batch = member.batch().await;
    let row = batch.rows.row(0);
    assert_eq!(row.body, laneway_domain::Body::Event(sent.clone()));
    assert_eq!(row.appended, common::millis(7_000));
    assert_eq!(batch.bytes, sent.size());
}

#[tokio::test(start_paused = true)]
async fn a_batch_larger_than_a_chunk_keeps_its_order() {
    let broker = broker(MemoryConfig { partitions: 1, ..MemoryConfig::default() });
    fill(&broker, events("a", 0..3_000)).await;
    let mut member = Member::started(&broker, "g").await;
    let expected: Vec<_> = (0..3_000).map(|n| n.to_string()).collect();
    assert_eq!(member.payloads(3_000).await, expected);
}

fn any_batch() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    prop::collection::vec((0..3u8, prop::option::of(0..5u8)), 0..80)
}

proptest! {
    /// Whatever is mixed into a batch: what is answered is where the event stands.
    #[test]
    fn every_answer_tells_where_its_event_stands(batches in prop::collection::vec(any_batch(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let broker = broker(MemoryConfig { partitions: 3, retention_events: 600, ..MemoryConfig::default() });
            let mut stands = std::collections::HashMap::new();
            for (number, batch) in batches.into_iter().enumerate() {
                let make = |(at, (name, key)): (usize, (u8, Option<u8>))| {
                    let envelope = Envelope::new(topic(&format!("t{name}")), format!("{number}/{at}"));
                    match key {
                        Some(key) => envelope.with_aggregate(AggregateId::new(key.to_string()).unwrap()),
                        None => envelope,
                    }
                };
                let events: Vec<_> = batch.into_iter().enumerate().map(make).collect();
                let results = publish(&broker, events.clone()).await;
                assert_eq!(results.len(), events.len());
                for (event, result) in events.iter().zip(results) {
                    let published = result.unwrap();
                    let place = (event.topic().clone(), published.partition, published.position.unwrap());
                    let payload = String::from_utf8(event.payload().to_vec()).unwrap();
                    assert!(stands.insert(place, payload).is_none(), "one event stands at one place");
                }
            }
            read_back(&broker, stands).await;
        });
    }
}

type Stands = std::collections::HashMap<(laneway_domain::TopicName, PartitionNumber, Position), String>;

async fn read_back(broker: &laneway_memory::MemoryBroker, mut stands: Stands) {
    let mut subscription = common::subscription("g");
    subscription.topics = ["t0", "t1", "t2"].map(topic).to_vec();
    let mut member = Member::open(broker, subscription).await;
    let assigned = member.start().await;
    while !stands.is_empty() {
        let batch = member.batch().await;
        let one = assigned.iter().find(|one| one.partition == batch.partition).unwrap();
        for (row, payload) in batch.rows.as_slice().iter().zip(payloads(&batch)) {
            assert_eq!(stands.remove(&(one.topic.clone(), one.number, row.position)), Some(payload));
        }
    }
    member.says_nothing();
}

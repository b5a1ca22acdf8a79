//! Full partitions: waiting, dropping, gaps, and what is kept for whom.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Member, Results, at, checkpoint, events, fill, group, publish, small, soon, subscription};
use laneway_domain::{
    Gap, GapCause, Origin, Outgoing, PublishFault, Publisher, Resume, SessionEvent, StartFrom, Subscription,
};
use laneway_memory::{MemoryBroker, MemoryConfig, Overflow};

fn dropping(events: usize) -> MemoryBroker {
    let overflow = Overflow::DropOldest;
    common::broker(MemoryConfig {
        partitions: 1,
        retention_events: events,
        overflow,
        ..MemoryConfig::default()
    })
}

fn stored(results: &Results) -> Vec<Option<u64>> {
    results.iter().map(|result| result.as_ref().ok().map(|p| p.position.unwrap().value())).collect()
}

fn faults(results: &Results) -> Vec<PublishFault> {
    results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .map(laneway_domain::PublishError::fault)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_full_partition_makes_publish_wait_until_a_commit_makes_room() {
    let broker = small(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..8)).await;
    let waiting = tokio::spawn({
        let broker = broker.clone();
        async move { publish(&broker, events("a", 8..10)).await }
    });
    assert_eq!(member.payloads(8).await.len(), 8);
    member.says_nothing();
    assert!(!waiting.is_finished());
    member.commit(vec![checkpoint(&one, at(2))]);
    assert_eq!(member.payloads(2).await, ["8", "9"], "whoever commits appends for who waits");
    assert_eq!(stored(&soon(waiting).await.unwrap()), [Some(8), Some(9)]);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_time_is_busy_with_all_that_follows() {
    let broker = small(8);
    let _group = Member::join(&broker, "g").await;
    let before = common::Stopwatch::start();
    let results = publish(&broker, events("a", 0..12)).await;
    assert_eq!(before.elapsed().as_secs(), 5);
    assert_eq!(stored(&results)[..8], (0..8).map(Some).collect::<Vec<_>>());
    assert_eq!(faults(&results), [PublishFault::Busy; 4]);
    assert!(results[8].as_ref().unwrap_err().to_string().contains("partition 0 of `t` is full"));
    assert_eq!(faults(&publish(&broker, events("a", 8..9)).await), [PublishFault::Busy]);
}

#[tokio::test(start_paused = true)]
async fn publishers_that_wait_are_served_in_the_order_in_which_they_came() {
    let broker = small(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..8)).await;
    let (first, second) = (publish(&broker, events("b", 100..103)), publish(&broker, events("c", 200..202)));
    let commits = async {
        let mut read = Vec::new();
        for upto in [1, 2, 5] {
            tokio::task::yield_now().await;
            read.extend(member.read());
            member.commit(vec![checkpoint(&one, at(upto))]);
        }
        read.extend(member.read());
        read
    };
    let (first, second, read) = tokio::join!(biased; first, second, commits);
    assert_eq!(
        (stored(&first), stored(&second)),
        (vec![Some(8), Some(9), Some(10)], vec![Some(11), Some(12)])
    );
    assert_eq!(read[8..], ["100", "101", "102", "200", "201"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_use_the_reserve_while_callers_wait() {
    let broker = small(8);
    let _group = Member::join(&broker, "g").await;
    fill(&broker, events("a", 0..8)).await;
    let caller = publish(&broker, events("b", 0..1));
    let handler = broker.publish(Outgoing { events: events("c", 0..3), origin: Origin::Handler });
    let (caller, handler) = tokio::join!(biased; caller, handler);
    assert_eq!(faults(&caller), [PublishFault::Busy]);
    assert_eq!(stored(&handler), [Some(8), Some(9), None], "a quarter of eight on top");
    assert_eq!(faults(&handler), [PublishFault::Busy]);
}

#[tokio::test(start_paused = true)]
async fn handlers_that_wait_are_served_before_callers_that_came_earlier() {
    let broker = small(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..8)).await;
    let caller = publish(&broker, events("b", 0..1));
    let handler = broker.publish(Outgoing { events: events("c", 0..3), origin: Origin::Handler });
    let commit = async {
        tokio::task::yield_now().await;
        member.read();
        member.commit(vec![checkpoint(&one, at(4))]);
    };
    let (caller, handler, ()) = tokio::join!(biased; caller, handler, commit);
    assert_eq!(stored(&handler), [Some(8), Some(9), Some(10)]);
    assert_eq!(stored(&caller), [Some(11)]);
}

/// Two publishers, of which the second would fit where the first does not.
async fn large_before_small(broker: &MemoryBroker) -> [tokio::task::JoinHandle<Results>; 2] {
    let large = || vec![common::event("a", "x".repeat(600))];
    fill(broker, large()).await;
    let publish = |events| {
        let broker = broker.clone();
        tokio::spawn(async move { publish(&broker, events).await })
    };
    let both = [publish(large()), publish(events("b", 0..1))];
    tokio::task::yield_now().await;
    both
}

fn a_thousand_bytes() -> MemoryBroker {
    let (max_event_bytes, retention_bytes) = (1_000, 1_000);
    let config = MemoryConfig { partitions: 1, max_event_bytes, retention_bytes, ..MemoryConfig::default() };
    common::broker(config)
}

#[tokio::test(start_paused = true)]
async fn a_small_event_does_not_overtake_a_large_one_that_waits() {
    let broker = a_thousand_bytes();
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    let [large, small] = large_before_small(&broker).await;
    assert!(!small.is_finished());
    member.read();
    member.commit(vec![checkpoint(&one, at(1))]);
    assert_eq!(stored(&soon(large).await.unwrap()), [Some(1)]);
    assert_eq!(stored(&soon(small).await.unwrap()), [Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_makes_way_for_the_next() {
    let broker = a_thousand_bytes();
    let _member = Member::join(&broker, "g").await;
    let [large, small] = large_before_small(&broker).await;
    large.abort();
    assert_eq!(stored(&soon(small).await.unwrap()), [Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_publish_leaves_nothing_behind_and_lets_the_next_one_on() {
    let broker = small(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..8)).await;
    let first = tokio::spawn({
        let broker = broker.clone();
        async move { publish(&broker, events("b", 100..102)).await }
    });
    let second = tokio::spawn({
        let broker = broker.clone();
        async move { publish(&broker, events("c", 200..202)).await }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    member.read();
    member.commit(vec![checkpoint(&one, at(2))]);
    assert_eq!(stored(&soon(second).await.unwrap()), [Some(8), Some(9)]);
    assert_eq!(member.payloads(2).await, ["200", "201"]);
    member.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_no_group_reads_drops_its_oldest_events_without_a_word() {
    for broker in [small(8), dropping(8)] {
        fill(&broker, events("a", 0..20)).await;
        let mut member = Member::join(&broker, "g").await;
        assert_eq!(member.start().await[0].initial, at(12));
        assert_eq!(member.payloads(8).await[0], "12");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_overtaken_reports_the_gap_and_goes_on() {
    let broker = dropping(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..3)).await;
    assert_eq!(member.payloads(3).await.len(), 3);
    fill(&broker, events("a", 3..20)).await;
    let SessionEvent::Gap(gap) = member.next().await else { panic!() };
    let cause = GapCause::Retention;
    assert_eq!(gap, Gap { partition: one.partition, epoch: one.epoch, from: at(3), to: at(12), cause });
    assert_eq!(member.payloads(8).await[0], "12");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_below_the_oldest_event_is_a_gap_at_the_start() {
    let broker = dropping(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..4)).await;
    member.read();
    member.commit(vec![checkpoint(&one, at(2))]);
    drop(member);
    fill(&broker, events("a", 4..16)).await;
    let mut member = Member::started(&broker, "g").await;
    let SessionEvent::Gap(gap) = member.next().await else { panic!() };
    assert_eq!((gap.from, gap.to), (at(2), at(8)));
    assert_eq!(member.payloads(8).await[0], "8");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_never_read_hears_of_what_was_dropped_since_it_came() {
    let broker = dropping(8);
    fill(&broker, events("a", 0..10)).await;
    drop(Member::join(&broker, "g").await);
    fill(&broker, events("a", 10..14)).await;
    let mut member = Member::started(&broker, "g").await;
    let SessionEvent::Gap(gap) = member.next().await else { panic!() };
    assert_eq!((gap.from, gap.to), (at(2), at(6)));
}

#[tokio::test(start_paused = true)]
async fn committed_events_are_kept_for_replay_until_room_is_needed() {
    let broker = small(8);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    fill(&broker, events("a", 0..8)).await;
    member.read();
    member.commit(vec![checkpoint(&one, at(8))]);
    assert_eq!(Member::started(&broker, "replay").await.payloads(8).await[0], "0");
    assert!(broker.forget(&group("replay")));
    fill(&broker, events("a", 8..11)).await;
    assert_eq!(Member::started(&broker, "late").await.payloads(8).await[0], "3");
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_group_pins_nothing_and_frees_who_waits_for_it() {
    let broker = small(8);
    let member = Member::join(&broker, "gone").await;
    assert!(!broker.forget(&group("gone")), "it has a member");
    drop(member);
    fill(&broker, events("a", 0..8)).await;
    let forget = async {
        tokio::task::yield_now().await;
        assert!(broker.forget(&group("gone")) && !broker.forget(&group("gone")));
    };
    let before = common::Stopwatch::start();
    let (results, ()) = tokio::join!(biased; publish(&broker, events("a", 8..9)), forget);
    assert_eq!((stored(&results), before.elapsed()), (vec![Some(8)], Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn bytes_count_as_well_as_events() {
    let config = MemoryConfig {
        partitions: 1,
        retention_bytes: 1_000,
        max_event_bytes: 1_000,
        ..MemoryConfig::default()
    };
    let broker = common::broker(config);
    let latest = Subscription { start: StartFrom::Latest, ..subscription("g") };
    let mut member = Member::open(&broker, latest).await;
    let one = member.start().await.remove(0);
    let large = |n: usize| (0..n).map(|_| common::event("a", "x".repeat(400))).collect::<Vec<_>>();
    let results = publish(&broker, large(3)).await;
    assert_eq!(stored(&results), [Some(0), Some(1), None]);
    member.read();
    member.commit(vec![checkpoint(&one, Resume::After(laneway_domain::Position::new(0)))]);
    assert_eq!(stored(&publish(&broker, large(1)).await), [Some(2)]);
}

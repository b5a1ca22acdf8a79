//! Groups: members come, go, freeze, are expelled; partitions follow.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Member, at, checkpoint, event, fill, group, pass, subscription, topic};
use laneway_domain::{
    Assignment, Envelope, Epoch, Flow, Monotonic, PartitionId, Resume, RevocationId, SessionEvent,
    Subscription,
};
use laneway_memory::{MemoryBroker, MemoryConfig};

fn broker(partitions: u32) -> MemoryBroker {
    common::broker(MemoryConfig { partitions, ..MemoryConfig::default() })
}

/// One event in each partition.
async fn one_each(broker: &MemoryBroker, partitions: u32) {
    for n in 0..partitions {
        fill(broker, vec![Envelope::new(topic("t"), n.to_string())]).await;
    }
}

fn names(assigned: &[Assignment]) -> Vec<(PartitionId, Epoch)> {
    assigned.iter().map(|one| (one.partition, one.epoch)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_joining_member_gets_its_share_after_the_release_from_where_it_was_committed() {
    let broker = broker(4);
    one_each(&broker, 4).await;
    let mut first = Member::join(&broker, "g").await;
    let all = first.start().await;
    assert_eq!(first.payloads(4).await.len(), 4);
    let mut second = Member::join(&broker, "g").await;
    let (revocation, going, until) = first.revoking().await;
    assert_eq!((going.len(), until), (2, Monotonic::ZERO + Duration::from_secs(3)));
    second.says_nothing();
    let last = all.iter().filter(|one| going.contains(&(one.partition, one.epoch)));
    first.0.release(revocation, last.map(|one| checkpoint(one, at(1))).collect());
    assert!(
        matches!(first.next().await, SessionEvent::Committed(done) if done.iter().all(|one| one.result.is_ok()))
    );
    let taken = second.start().await;
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|one| one.epoch == Epoch(2)), "{taken:?}");
    assert!(taken.iter().all(|one| one.stored.as_ref().unwrap().resume == at(1)));
    second.says_nothing();
    one_each(&broker, 4).await;
    assert_eq!((first.payloads(2).await.len(), second.payloads(2).await.len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn after_a_revocation_nothing_of_its_partitions_is_delivered() {
    let broker = broker(2);
    let mut first = Member::join(&broker, "g").await;
    let all = first.start().await;
    first.says_nothing();
    let _second = Member::join(&broker, "g").await;
    one_each(&broker, 2).await;
    let (_, going, _) = first.revoking().await;
    first.0.flow(going[0].0, going[0].1, Flow::Open);
    first.0.start(going[0].0, going[0].1, Resume::Start);
    let batch = first.batch().await;
    assert!(!going.contains(&(batch.partition, batch.epoch)));
    first.says_nothing();
    let going = all.iter().find(|one| going.contains(&(one.partition, one.epoch))).unwrap();
    assert_eq!(first.commit(vec![checkpoint(going, at(0))])[0].result, Ok(at(0)), "it may still commit");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_owner_loses_what_it_was_asked_for_although_nobody_polls_it() {
    let broker = broker(2);
    let mut frozen = Member::join(&broker, "g").await;
    let all = frozen.start().await;
    let mut other = Member::join(&broker, "g").await;
    let before = common::Stopwatch::start();
    let taken = other.start().await;
    assert_eq!(before.elapsed(), Duration::from_secs(3), "the other member keeps the time");
    let (revocation, going, _) = frozen.revoking().await;
    assert_eq!(frozen.lost().await, going);
    frozen.0.release(revocation, vec![checkpoint(&all[1], at(0))]);
    frozen.says_nothing();
    assert_eq!(taken[0].stored, None, "the release of a closed revocation commits nothing");
    let late = all.iter().find(|one| (one.partition, one.epoch) == going[0]).unwrap();
    let answer = frozen.commit(vec![checkpoint(late, at(0))]);
    assert_eq!(answer[0].result, Err(laneway_domain::CommitError::Fenced));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_nothing_is_asked_of_keeps_the_time_for_the_others() {
    let broker = broker(3);
    let mut frozen = Member::join(&broker, "g").await;
    let all = frozen.start().await;
    let mut idle = Member::join(&broker, "g").await;
    let (revocation, ..) = frozen.revoking().await;
    frozen.0.release(revocation, Vec::new());
    idle.start().await;
    idle.says_nothing();
    let idle = tokio::spawn(async move { idle.next().await });
    tokio::task::yield_now().await;
    let _never_polled = Member::join(&broker, "g").await;
    tokio::task::yield_now().await;
    pass(Duration::from_secs(4)).await;
    tokio::task::yield_now().await;
    assert!(!idle.is_finished());
    let commits: Vec<_> = all.iter().map(|one| checkpoint(one, at(0))).collect();
    let stored = frozen.commit(commits).into_iter().filter(|answer| answer.result.is_ok()).count();
    assert_eq!(stored, 1, "of three it gave one up and lost one");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_busy_keeps_the_time_too() {
    let broker = broker(2);
    let _frozen = Member::started(&broker, "g").await;
    let mut busy = Member::join(&broker, "g").await;
    busy.says_nothing();
    pass(Duration::from_secs(4)).await;
    assert_eq!(busy.assigned().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_released_after_the_joiner_left_is_given_straight_back() {
    let broker = broker(2);
    one_each(&broker, 2).await;
    let mut member = Member::join(&broker, "g").await;
    member.start().await;
    assert_eq!(member.payloads(2).await.len(), 2);
    drop(Member::join(&broker, "g").await);
    let (revocation, going, _) = member.revoking().await;
    member.says_nothing();
    member.0.release(revocation, Vec::new());
    let back = member.start().await;
    assert_eq!(names(&back), [(going[0].0, Epoch(going[0].1.0 + 1))]);
    assert_eq!(member.payloads(1).await.len(), 1, "what was not committed comes again");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_session_is_a_crash_whose_partitions_others_take_without_its_commit() {
    let broker = broker(2);
    one_each(&broker, 2).await;
    let mut first = Member::started(&broker, "g").await;
    assert_eq!(first.payloads(2).await.len(), 2);
    let mut second = Member::join(&broker, "g").await;
    drop(first);
    let mut taken = second.start().await;
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|one| one.stored.is_none()));
    assert_eq!(second.payloads(2).await.len(), 2);
    taken.sort_by_key(|one| one.number);
    assert_eq!(taken.iter().map(|one| one.number.0).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_hands_over_what_it_commits() {
    let broker = broker(1);
    one_each(&broker, 1).await;
    let mut first = Member::join(&broker, "g").await;
    let one = first.start().await.remove(0);
    let mut second = Member::join(&broker, "g").await;
    second.says_nothing();
    assert_eq!(first.payloads(1).await, ["0"]);
    first.0.close(vec![checkpoint(&one, at(1))], Monotonic::NEVER);
    assert!(matches!(first.next().await, SessionEvent::Committed(_)));
    assert!(matches!(first.next().await, SessionEvent::Closed));
    assert_eq!(second.start().await[0].stored.as_ref().unwrap().resume, at(1));
    second.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn an_expelled_member_loses_everything_and_is_assigned_anew() {
    let broker = broker(2);
    one_each(&broker, 2).await;
    let mut member = Member::join(&broker, "g").await;
    let old = member.start().await;
    let batch = member.batch().await;
    assert_eq!((broker.expel(&group("g")), broker.expel(&group("unknown"))), (1, 0));
    assert_eq!(member.lost().await, names(&old));
    let answer = member.commit(vec![checkpoint(&old[0], at(1))]);
    assert_eq!(answer[0].result, Err(laneway_domain::CommitError::Fenced));
    let new = member.start().await;
    assert_eq!(names(&new), [(old[0].partition, Epoch(2)), (old[1].partition, Epoch(2))]);
    assert_eq!(member.payloads(2).await.len(), 2);
    assert_eq!(batch.epoch, Epoch(1));
}

#[tokio::test(start_paused = true)]
async fn expelling_closes_an_open_revocation() {
    let broker = broker(2);
    let mut first = Member::join(&broker, "g").await;
    let all = first.start().await;
    let mut second = Member::join(&broker, "g").await;
    let (revocation, ..) = first.revoking().await;
    broker.expel(&group("g"));
    assert_eq!(first.lost().await.len(), 2);
    first.0.release(revocation, vec![checkpoint(&all[0], at(0))]);
    assert_eq!(first.assigned().await.len(), 1);
    assert_eq!(second.assigned().await[0].stored, None);
    first.0.release(RevocationId(99), Vec::new());
    first.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn members_of_one_group_may_subscribe_to_different_topics() {
    let broker = broker(2);
    let on = |name: &str| Subscription { topics: vec![topic(name)], ..subscription("g") };
    let mut a = Member::open(&broker, on("a")).await;
    let mut b = Member::open(&broker, on("b")).await;
    for (member, name) in [(&mut a, "a"), (&mut b, "b")] {
        let assigned = member.start().await;
        assert_eq!(assigned.len(), 2);
        assert!(assigned.iter().all(|one| one.topic == topic(name)));
        member.says_nothing();
    }
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_a_session_are_small_whatever_the_group_has() {
    let broker = broker(8);
    let _first = Member::join(&broker, "g").await;
    let mut other =
        Member::open(&broker, Subscription { topics: vec![topic("u")], ..subscription("g") }).await;
    let numbers: Vec<_> = other.assigned().await.iter().map(|one| one.partition.0).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test(start_paused = true)]
async fn groups_do_not_see_each_other() {
    let broker = broker(1);
    let mut a = Member::started(&broker, "a").await;
    let mut b = Member::started(&broker, "b").await;
    fill(&broker, vec![event("k", 1)]).await;
    broker.expel(&group("b"));
    assert_eq!(a.payloads(1).await, ["1"]);
    a.says_nothing();
    assert_eq!(b.lost().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_group_starts_again_like_a_new_one() {
    let broker = broker(1);
    fill(&broker, vec![event("k", 1)]).await;
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    member.batch().await;
    member.commit(vec![checkpoint(&one, at(1))]);
    drop(member);
    assert!(broker.forget(&group("g")));
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(member.start().await[0].stored, None);
    assert_eq!(member.payloads(1).await, ["1"]);
}

//! Checkpoints: what is stored, what is refused, what comes back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Member, at, checkpoint, events, fill, group, small};
use laneway_domain::{
    BacklogChecker, Checkpoint, CommitError, Epoch, PartitionId, Resume, SessionEvent, StoredCheckpoint,
    Subscriber,
};
use laneway_memory::{MemoryBroker, MemoryConfig};

/// A broker with ten events, and the only member of its group.
async fn ten() -> (MemoryBroker, Member, laneway_domain::Assignment) {
    let broker = small(100);
    fill(&broker, events("a", 0..10)).await;
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    member.batch().await;
    (broker, member, one)
}

async fn stored(broker: &MemoryBroker) -> Option<StoredCheckpoint> {
    Member::join(broker, "g").await.assigned().await.remove(0).stored
}

#[tokio::test(start_paused = true)]
async fn resume_and_state_come_back_as_they_were_committed() {
    let (broker, mut member, one) = ten().await;
    let state: Vec<u8> = (0..=255).collect();
    let resume = Resume::After(laneway_domain::Position::new(4));
    let commit = Checkpoint { resume, state: state.clone().into(), ..checkpoint(&one, at(0)) };
    assert_eq!(member.commit(vec![commit]), [checkpoint(&one, resume).answer(Ok(()))]);
    drop(member);
    assert_eq!(stored(&broker).await, Some(StoredCheckpoint { resume, state: state.into() }));
}

#[tokio::test(start_paused = true)]
async fn the_newest_checkpoint_of_a_partition_counts_and_each_is_answered() {
    let (broker, mut member, one) = ten().await;
    let answers = member.commit(vec![checkpoint(&one, at(2)), checkpoint(&one, at(7))]);
    assert_eq!(answers.len(), 2);
    assert!(member.commit(vec![checkpoint(&one, at(5))])[0].result.is_ok(), "it says nothing new");
    drop(member);
    assert_eq!(stored(&broker).await.unwrap().resume, at(7));
}

#[tokio::test(start_paused = true)]
async fn a_newer_epoch_may_move_a_checkpoint_back() {
    let (broker, mut member, one) = ten().await;
    member.commit(vec![checkpoint(&one, at(7))]);
    broker.expel(&group("g"));
    member.lost().await;
    let again = member.assigned().await.remove(0);
    member.0.start(again.partition, again.epoch, at(2));
    member.batch().await;
    member.commit(vec![checkpoint(&again, at(3))]);
    drop(member);
    assert_eq!(stored(&broker).await.unwrap().resume, at(3));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_own_a_partition_in_that_epoch_is_fenced() {
    let (broker, mut member, one) = ten().await;
    let older = Checkpoint { epoch: Epoch(0), ..checkpoint(&one, at(1)) };
    let newer = Checkpoint { epoch: Epoch(2), ..checkpoint(&one, at(1)) };
    let unknown = Checkpoint { partition: PartitionId(7), ..checkpoint(&one, at(1)) };
    let answers = member.commit(vec![older, newer, unknown]);
    assert!(answers.iter().all(|answer| answer.result == Err(CommitError::Fenced)), "{answers:?}");
    drop(member);
    assert_eq!(stored(&broker).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_state_over_the_limit_stores_nothing_and_may_be_tried_again() {
    let config = MemoryConfig { partitions: 1, state_bytes: 3, ..MemoryConfig::default() };
    let broker = common::broker(config);
    assert_eq!(Subscriber::capabilities(&broker).state_bytes, 3);
    let mut member = Member::join(&broker, "g").await;
    let one = member.start().await.remove(0);
    let with = |state: &'static str| Checkpoint { state: state.into(), ..checkpoint(&one, at(0)) };
    let answers = member.commit(vec![with("abcd"), with("abc")]);
    let Err(CommitError::Retry(reason)) = &answers[0].result else { panic!("{answers:?}") };
    assert!(reason.contains("4 bytes") && reason.contains("3 are allowed"), "{reason}");
    assert_eq!(answers[1].result, Ok(at(0)));
    assert!(matches!(member.commit(vec![with("abcd")])[0].result, Err(CommitError::Retry(_))));
    drop(member);
    assert_eq!(stored(&broker).await.unwrap().state, "abc");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_beyond_the_end_is_not_stored() {
    let (broker, mut member, one) = ten().await;
    let answers = member.commit(vec![checkpoint(&one, at(11))]);
    assert!(matches!(&answers[0].result, Err(CommitError::Retry(reason)) if reason.contains("ends at 10")));
    member.commit(vec![checkpoint(&one, at(10))]);
    let lag = broker.backlog(&group("g"), &[common::topic("t")]).await.unwrap();
    assert_eq!(lag[0].events, 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_commit_has_no_answer() {
    let (_broker, mut member, _) = ten().await;
    member.0.commit(Vec::new());
    member.says_nothing();
}

#[tokio::test(start_paused = true)]
async fn answers_come_before_what_was_published_since() {
    let (broker, mut member, one) = ten().await;
    member.0.commit(vec![checkpoint(&one, at(1))]);
    fill(&broker, events("a", 10..11)).await;
    assert!(matches!(member.next().await, SessionEvent::Committed(_)));
    assert_eq!(member.payloads(1).await, ["10"]);
}

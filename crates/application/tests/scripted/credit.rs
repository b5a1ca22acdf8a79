//! What is open in one partition keeps others from reading; when it goes, they read on.

use std::time::Duration;

use laneway_domain::{RevocationId, SessionEvent};

use crate::diary::Page;
use crate::stage::{Stage, options};

fn both_are_closed(page: &Page) -> bool {
    !page.is_open(0) && !page.is_open(1)
}

/// Four may be open: three of partition 0 are, and one of partition 1, so both hold back. One lane has them all, and
/// stays when partition 0 goes: nobody but the loop knows then that there is room.
async fn crowded_by_events() -> Stage {
    let stage = Stage::new();
    let mut options = options();
    options.buffer.events = 4;
    stage.subscribe(options, stage.handler()).await;
    [0, 1].into_iter().for_each(|partition| stage.broker.assign(partition));
    stage.broker.deliver(1, &[("a", "holds")]);
    stage.broker.deliver(0, &[("a", "1"), ("a", "2"), ("a", "3")]);
    stage.diary.until("four are open", both_are_closed).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_lost_lets_the_others_read_on() {
    let stage = crowded_by_events().await;
    stage.broker.lose(0);
    stage.diary.until("what was open is gone", |page| page.is_open(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_taken_away_lets_the_others_read_on() {
    let stage = crowded_by_events().await;
    stage.broker.say(SessionEvent::Revoking {
        revocation: RevocationId(1),
        partitions: stage.broker.current(0),
        until: stage.clock.monotonic() + Duration::from_secs(1),
    });
    stage.diary.until("it is given up", |page| page.released.is_some()).await;
    stage.diary.until("what was open is gone", |page| page.is_open(1)).await;
}

/// Four lanes may be: with the report of a fifth event that is done, four are counted.
async fn crowded_by_lanes(held: &[(u32, &str, &str)]) -> Stage {
    let stage = Stage::new();
    let mut options = options();
    options.buffer.lanes = 4;
    stage.subscribe(options, stage.handler()).await;
    [0, 1].into_iter().for_each(|partition| stage.broker.assign(partition));
    for (partition, aggregate, name) in held {
        stage.broker.deliver(*partition, &[(aggregate, name)]);
    }
    stage.broker.deliver(1, &[("e", "done")]);
    stage.diary.until("there are four lanes", |page| !page.is_open(1)).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_partition_reads_on_when_lanes_have_emptied() {
    let held = [(1, "a", "holds 1"), (1, "b", "holds 2"), (1, "c", "holds 3"), (1, "d", "holds 4")];
    let stage = crowded_by_lanes(&held).await;
    ["holds 1", "holds 2", "holds 3"].into_iter().for_each(|name| stage.diary.free(name));
    stage.diary.until("one lane is left", |page| page.is_open(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_reads_on_when_the_lanes_of_another_are_lost() {
    let held = [(0, "a", "holds 1"), (0, "b", "holds 2"), (0, "c", "holds 3"), (1, "d", "holds 4")];
    let stage = crowded_by_lanes(&held).await;
    stage.broker.lose(0);
    stage.diary.until("one lane is left", |page| page.is_open(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_reads_on_when_the_dead_have_left_their_lanes() {
    let dying = ["holds 1, dies", "holds 2, dies", "holds 3, dies"];
    let held = [(1, "a", dying[0]), (1, "b", dying[1]), (1, "c", dying[2]), (1, "d", "holds 4")];
    let stage = crowded_by_lanes(&held).await;
    dying.into_iter().for_each(|name| stage.diary.free(name));
    stage.diary.until("one lane is left", |page| page.is_open(1)).await;
    assert_eq!(stage.buried().await, 3);
}

//! A lane that holds events of two partitions: whoever fills it holds back, and nobody else.

use crate::stage::{Stage, options};

/// One worker whose lanes are full with two that wait; partitions 0 and 1 are assigned.
async fn stage() -> Stage {
    let stage = Stage::new();
    let mut options = options();
    options.lane_capacity = 2;
    stage.subscribe(options, stage.handler()).await;
    [0, 1].into_iter().for_each(|partition| stage.broker.assign(partition));
    stage
}

#[tokio::test(start_paused = true)]
async fn who_filled_a_lane_reads_on_when_another_partition_moves_it() {
    let stage = stage().await;
    stage.broker.deliver(1, &[("x", "holds the head")]);
    stage.broker.deliver(0, &[("x", "holds the next"), ("x", "last")]);
    stage.diary.until("the lane is full", |page| !page.is_open(0)).await;
    assert!(stage.diary.read(|page| page.is_open(1)), "it filled nothing");
    stage.diary.free("holds the head");
    stage.diary.until("the lane is half empty", |page| page.is_open(0)).await;
    assert_eq!(stage.diary.read(|page| page.started.clone()), ["holds the head", "holds the next"]);
}

#[tokio::test(start_paused = true)]
async fn who_filled_a_lane_reads_on_when_what_stood_before_it_is_lost() {
    let stage = stage().await;
    stage.broker.deliver(0, &[("x", "holds the head"), ("x", "goes")]);
    stage.broker.deliver(1, &[("x", "holds its own")]);
    stage.diary.until("the lane is full", |page| !page.is_open(1)).await;
    stage.broker.lose(0);
    stage.diary.until("the lane is half empty", |page| page.is_open(1)).await;
    stage.diary.until("its turn has come", |page| page.has_started("holds its own")).await;
    assert!(!stage.diary.read(|page| page.has_started("goes")));
}

#[tokio::test(start_paused = true)]
async fn who_filled_a_lane_and_lost_it_comes_back_open() {
    let stage = stage().await;
    stage.broker.deliver(1, &[("x", "holds the head")]);
    stage.broker.deliver(0, &[("x", "goes"), ("x", "goes too")]);
    stage.diary.until("the lane is full", |page| !page.is_open(0)).await;
    stage.broker.lose(0);
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("x", "holds the next"), ("x", "last"), ("y", "done")]);
    stage.diary.until("it is full again", |page| page.has_started("done") && !page.is_open(0)).await;
    stage.diary.free("holds the head");
    stage.diary.until("the lane is half empty", |page| page.is_open(0)).await;
    assert!(stage.diary.read(|page| page.has_started("holds the next")));
}

//! Checkpoints that the broker refuses.

use laneway_application::consume::{OnCrash, SubscriptionHealth};

use crate::diary::PATIENCE;
use crate::stage::{Stage, options};

#[tokio::test(start_paused = true)]
async fn a_partition_whose_first_checkpoint_is_refused_says_why_it_is_not_read() {
    let stage = Stage::new();
    stage.diary.write(|page| page.refuses = Some("read-only".to_owned()));
    let mut options = options();
    options.crashes = OnCrash::ProbationWhereItCan;
    let subscription = stage.subscribe(options, stage.handler()).await;
    let mut health = subscription.watch_health();
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "waits")]);
    let said = stage.diary.within(PATIENCE, health.wait_for(|health| !health.is_good())).await;
    let said = said.unwrap().unwrap().commits.clone().unwrap();
    assert!(said.contains("read-only"), "{said}");
    assert!(!stage.diary.read(|page| page.has_started("waits")));
    stage.diary.write(|page| page.refuses = None);
    stage.diary.until("it is read", |page| page.has_started("waits")).await;
    stage.diary.within(PATIENCE, health.wait_for(SubscriptionHealth::is_good)).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_forgotten_with_its_partition() {
    let stage = Stage::new();
    stage.diary.write(|page| page.refuses = Some("read-only".to_owned()));
    let subscription = stage.subscribe(options(), stage.handler()).await;
    let mut health = subscription.watch_health();
    stage.broker.assign(0);
    stage.diary.within(PATIENCE, health.wait_for(|health| health.commits.is_some())).await.unwrap().unwrap();
    stage.broker.lose(0);
    stage.diary.within(PATIENCE, health.wait_for(SubscriptionHealth::is_good)).await.unwrap().unwrap();
}

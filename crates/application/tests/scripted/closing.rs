//! What a broker says while a member that leaves waits for its last handlers.

use std::time::Duration;

use laneway_domain::{Epoch, Gap, GapCause, PartitionId, Position, Resume, SessionEvent};

use crate::stage::{Stage, options};

fn at(position: u64) -> Resume {
    Resume::At(Position::new(position))
}

/// Closes while event 0 runs; says what `behind` makes of the partition, and then the last checkpoint.
async fn closes(behind: SessionEvent) -> Option<Resume> {
    let stage = Stage::new();
    let subscription = stage.subscribe(options(), stage.handler()).await;
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "holds")]);
    stage.diary.until("it runs", |page| page.has_started("holds")).await;
    let closing = tokio::spawn({
        let subscription = subscription.clone();
        async move { subscription.close(Duration::from_secs(5)).await }
    });
    stage.clock.wake_at(stage.clock.monotonic() + Duration::from_millis(100)).await;
    // What comes now is not handled any more: whoever reads the partition next has to begin there.
    stage.broker.deliver(0, &[("b", "comes too late")]);
    stage.broker.say(behind);
    stage.clock.wake_at(stage.clock.monotonic() + Duration::from_millis(100)).await;
    stage.diary.free("holds");
    closing.await.unwrap();
    assert!(!stage.diary.read(|page| page.has_started("comes too late")));
    stage.diary.read(|page| page.committed.get(&0).copied())
}

#[tokio::test(start_paused = true)]
async fn a_gap_behind_events_that_come_too_late_takes_them_into_no_checkpoint() {
    let gap = Gap {
        partition: PartitionId(0),
        epoch: Epoch(1),
        from: at(2),
        to: at(7),
        cause: GapCause::Retention,
    };
    assert_eq!(closes(SessionEvent::Gap(gap)).await, Some(Resume::After(Position::new(0))));
}

#[tokio::test(start_paused = true)]
async fn progress_behind_events_that_come_too_late_takes_them_into_no_checkpoint() {
    let progress = SessionEvent::Progress { partition: PartitionId(0), epoch: Epoch(1), upto: at(7) };
    assert_eq!(closes(progress).await, Some(Resume::After(Position::new(0))));
}

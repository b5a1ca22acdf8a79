//! The permission to start, as it comes and goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use laneway_application::SystemClock;
use laneway_application::consume::{LaneStats, Subscription};
use laneway_domain::{BoxFuture, Clock, Monotonic, SessionEvent, Timestamp};
use tokio::sync::Notify;
use tokio::task::Id;

use crate::diary::{Diary, PATIENCE};
use crate::stage::{Stage, options};

fn until(nanos: u64) -> SessionEvent {
    SessionEvent::MayStart { until: Monotonic::from_nanos(nanos) }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_sleeps_without_permission_starts_as_soon_as_it_comes() {
    let stage = Stage::new();
    stage.subscribe(options(), stage.handler()).await;
    stage.broker.say(until(0));
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "waits")]);
    // Virtual time goes on only when everybody sleeps.
    stage.clock.wake_at(stage.clock.monotonic() + Duration::from_millis(300)).await;
    assert!(!stage.diary.read(|page| page.has_started("waits")));
    let before = stage.clock.monotonic();
    stage.broker.say(until(u64::MAX));
    stage.diary.until("the permission is used", |page| page.has_started("waits")).await;
    assert_eq!(stage.clock.monotonic(), before, "nobody but the permission woke the worker");
}

/// Stands still, wakes nobody, and can hold a task back between its next look and what follows that.
struct Frozen {
    now: AtomicU64,
    trap: Mutex<Option<(Id, mpsc::Receiver<()>)>>,
    trapped: Notify,
}

impl Clock for Frozen {
    fn wall(&self) -> Timestamp {
        Timestamp::default()
    }

    fn monotonic(&self) -> Monotonic {
        let now = Monotonic::from_nanos(self.now.load(Ordering::SeqCst));
        let ours = |(id, _): &mut (Id, _)| tokio::task::try_id() == Some(*id);
        let trap = self.trap.lock().unwrap().take_if(ours);
        if let Some((_, released)) = trap {
            self.trapped.notify_one();
            // Released by the test, or by its end.
            let _ = released.recv();
        }
        now
    }

    fn wake_at(&self, _: Monotonic) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

/// Waits for what the worker says of its lanes when its turn is over.
async fn lanes(stage: &Stage, subscription: &Subscription, holds: impl Fn(LaneStats) -> bool) {
    let said = async {
        while !holds(subscription.stats().lanes) {
            tokio::task::yield_now().await;
        }
    };
    stage.diary.within(PATIENCE, said).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_that_comes_while_the_last_runs_out_is_not_missed() {
    let now = AtomicU64::new(5);
    let clock = Arc::new(Frozen { now, trap: Mutex::default(), trapped: Notify::new() });
    let stage = Stage::with(clock.clone(), Diary::new(Arc::new(SystemClock::new())));
    let subscription = stage.subscribe(options(), stage.handler()).await;
    stage.broker.say(until(10));
    stage.broker.assign(0);
    stage.broker.deliver(0, &[("a", "holds"), ("a", "waits")]);
    lanes(&stage, &subscription, |lanes| lanes.active == 1).await;
    // The loop looks at the clock, and is slow to say that there is a new permission.
    let (release, released) = mpsc::channel::<()>();
    let reader = stage.diary.read(|page| page.reader).unwrap();
    *clock.trap.lock().unwrap() = Some((reader, released));
    stage.broker.say(until(20));
    stage.diary.within(PATIENCE, clock.trapped.notified()).await.unwrap();
    // Meanwhile the old one runs out, and the worker goes to sleep on it.
    clock.now.store(10, Ordering::SeqCst);
    stage.diary.free("holds");
    lanes(&stage, &subscription, |lanes| lanes.idle == 1).await;
    assert!(!stage.diary.read(|page| page.has_started("waits")));
    drop(release);
    stage.diary.until("the new one is used", |page| page.has_started("waits")).await;
}

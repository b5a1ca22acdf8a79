//! Giving way: the task of a subscription of low priority.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use laneway_domain::{PartitionLag, Subscriber};
use tokio::sync::watch;

use super::precedence::Precedence;
use super::priority::{Pause, PausePolicy, Resumed};
use crate::backlog::{BacklogWatch, Look, look};
use crate::consume::shared::Shared;

/// Pauses a subscription whenever others recover, until `gone` is ready.
pub(crate) async fn give_way(
    policy: PausePolicy,
    shared: Arc<Shared>,
    (subscriber, watch): (Arc<dyn Subscriber>, BacklogWatch),
    precedence: &Precedence,
    gone: impl Future<Output = ()>,
) {
    let yielding = Yielding { policy, shared, subscriber, watch, leads: precedence.watch() };
    select(pin!(yielding.run()), pin!(gone)).await;
}

struct Yielding {
    policy: PausePolicy,
    shared: Arc<Shared>,
    subscriber: Arc<dyn Subscriber>,
    watch: BacklogWatch,
    /// How many recover that go first.
    leads: watch::Receiver<usize>,
}

impl Yielding {
    /// Ends with the bus.
    async fn run(mut self) {
        while self.leads.wait_for(|leads| *leads > 0).await.is_ok() {
            tracing::info!(group = %self.watch.group, "paused: a subscription of higher priority recovers");
            self.pause(true);
            if let Some(why) = self.wait().await {
                tracing::warn!(group = %self.watch.group, ?why, "resumed before the recovery has ended");
            }
            self.pause(false);
            if self.leads.wait_for(|leads| *leads == 0).await.is_err() {
                return;
            }
        }
    }

    fn pause(&self, paused: bool) {
        self.shared.permits.pause(paused);
        self.shared.counters.bell.ring();
    }

    /// Waits until the recoveries have ended; why it must not wait so long, where it must not.
    async fn wait(&mut self) -> Option<Resumed> {
        let (clock, mut leads) = (self.shared.clock.clone(), self.leads.clone());
        let mut ended = pin!(leads.wait_for(|leads| *leads == 0));
        let mut pause = Pause::new(self.policy, clock.monotonic());
        loop {
            let rows = match select(ended.as_mut(), pin!(self.rows())).await {
                Either::Left(_) => return None,
                Either::Right((rows, _)) => rows,
            };
            let now = clock.monotonic();
            if let Some(why) = pause.observe(&rows, now, clock.wall()) {
                return Some(why);
            }
            let next = (now + self.policy.interval).min(pause.until());
            if let Either::Left(_) = select(ended.as_mut(), clock.wake_at(next)).await {
                return None;
            }
        }
    }

    /// The lag; nothing where it cannot be told.
    async fn rows(&self) -> Vec<PartitionLag> {
        let Some(lag) = self.subscriber.lag() else { return Vec::new() };
        let look = look(lag, &self.watch, &*self.shared.clock, self.policy.interval).await;
        look.map_or_else(|_| Vec::new(), |Look { rows, .. }| rows)
    }
}

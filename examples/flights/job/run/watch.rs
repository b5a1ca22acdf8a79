//! Watching the groups at work.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use laneway::consume::SubscriptionStats;
use laneway::domain::{Clock, Monotonic};

use super::error::RunError;
use super::group::Group;
use super::outcome::Peaks;
use crate::job::progress::Progress;

/// How often somebody looks.
const TICK: Duration = Duration::from_millis(5);

/// Looks at the groups while they work: for the bar, for the most lanes, and for whether anything moves.
pub(super) struct Watch<'a> {
    groups: [&'a Group; 2],
    progress: Progress,
    peaks: Peaks,
    patience: Duration,
    clock: Arc<dyn Clock>,
    moved: (u64, Monotonic),
}

/// How the groups stand, for an error.
#[derive(Debug)]
pub(crate) struct Standing([(&'static str, SubscriptionStats); 2]);

impl<'a> Watch<'a> {
    /// Watches the groups, whose work is `total` events and rows each; gives up when nothing moves for `patience`.
    pub(super) fn new(groups: [&'a Group; 2], total: u64, patience: Duration, clock: Arc<dyn Clock>) -> Self {
        let moved = (0, clock.monotonic());
        Self { groups, progress: Progress::events(total), peaks: Peaks::default(), patience, clock, moved }
    }

    /// Runs `publish`, waits until the groups have finished everything, and tells the most lanes.
    ///
    /// # Errors
    /// That of `publish`; [`RunError::Ended`] where a group ends by itself; [`RunError::Stalled`] where nothing moves.
    pub(super) async fn over(
        mut self,
        publish: impl Future<Output = Result<(), RunError>>,
    ) -> Result<Peaks, RunError> {
        let [first, second] = self.groups;
        let mut work = pin!(async {
            publish.await?;
            first.tally.complete().await;
            second.tally.complete().await;
            Ok(())
        });
        let mut ended = pin!(async {
            tokio::select! {
                reason = first.subscription.ended() => ended(first, reason),
                reason = second.subscription.ended() => ended(second, reason),
            }
        });
        let worked = loop {
            tokio::select! {
                worked = &mut work => break worked,
                error = &mut ended => break Err(error),
                () = self.clock.wake_at(self.clock.monotonic() + TICK) => self.look(),
            }
            if let Some(stalled) = self.stalled() {
                break Err(stalled);
            }
        };
        self.progress.clear();
        worked.map(|()| self.peaks)
    }

    fn look(&mut self) {
        let [aircraft, carriers] = self.stats();
        self.progress.at(aircraft.handled + aircraft.redriven + dead(&aircraft));
        let most = |peak: &mut usize, of: fn(&SubscriptionStats) -> usize| {
            *peak = (*peak).max(of(&aircraft) + of(&carriers));
        };
        most(&mut self.peaks.lanes, |stats| stats.lanes.total);
        most(&mut self.peaks.active, |stats| stats.lanes.active);
        most(&mut self.peaks.waiting, |stats| stats.lanes.waiting);
        let moved = moved(&aircraft) + moved(&carriers);
        if self.moved.0 != moved {
            self.moved = (moved, self.clock.monotonic());
        }
    }

    fn stalled(&self) -> Option<RunError> {
        let Self { patience, .. } = *self;
        if self.clock.monotonic().since(self.moved.1) < patience {
            return None;
        }
        let standing = self.groups.map(|group| (group.name, group.subscription.stats()));
        Some(RunError::Stalled { patience, standing: Box::new(Standing(standing)) })
    }

    fn stats(&self) -> [SubscriptionStats; 2] {
        self.groups.map(|group| group.subscription.stats())
    }
}

fn dead(stats: &SubscriptionStats) -> u64 {
    stats.dead_letters + stats.parked
}

/// A number that changes with every event that gets on.
fn moved(stats: &SubscriptionStats) -> u64 {
    stats.handled + stats.redriven + dead(stats) + stats.retries + stats.open as u64
}

fn ended(group: &Group, reason: Option<String>) -> RunError {
    let reason = reason.unwrap_or_else(|| "somebody closed it".to_owned());
    RunError::Ended { group: group.name, reason }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(first, one), (second, other)] = &self.0;
        write!(f, "{first}: {one:?}; {second}: {other:?}")
    }
}

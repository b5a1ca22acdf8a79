//! A clock that follows the runtime's, and stands still with it.

use std::sync::Arc;

use laneway_domain::{BoxFuture, Clock, Monotonic, Timestamp};
use tokio::time::Instant;

/// The clock port over the runtime's own time: virtual where the runtime is paused, real where it is not.
///
/// In a paused runtime time moves when every task waits, to the next wake-up, and by `tokio::time::advance`; a test that
/// waits for an hour takes no time, and two runs of it see the same times. The wall clock starts at a fixed point and
/// goes as fast as the monotonic one. Clones tell the same time.
///
/// ```
/// use std::time::Duration;
/// use laneway_domain::Clock;
/// use laneway_testkit::SimClock;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let clock = SimClock::new();
/// clock.wake_at(clock.monotonic() + Duration::from_secs(3_600)).await;
/// assert_eq!(clock.wall().since(SimClock::BIRTH), Duration::from_secs(3_600));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SimClock {
    origin: Instant,
}

impl SimClock {
    /// What the wall clock shows at the origin: 2026-01-01T00:00:00Z.
    pub const BIRTH: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

    /// A clock whose origin is now. Make it inside the runtime whose time it tells.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is where the clock port meets the runtime's time")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }

    /// The same, as the port, in the runtime whose time it tells.
    ///
    /// # Panics
    /// Outside of a runtime: its time would not be the one that the test waits by.
    #[must_use]
    #[track_caller]
    pub fn of_runtime() -> Arc<dyn Clock> {
        assert!(
            tokio::runtime::Handle::try_current().is_ok(),
            "a test bus takes the clock of the runtime that it is made in: make it inside the test, under \
             #[tokio::test(start_paused = true)], and neither in a static nor before the runtime"
        );
        Self::shared()
    }

    /// The same, as the port.
    #[must_use]
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::new())
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn wall(&self) -> Timestamp {
        let nanos = i64::try_from(self.monotonic().nanos()).unwrap_or(i64::MAX);
        Timestamp::from_unix_nanos(Self::BIRTH.unix_nanos().saturating_add(nanos))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::ZERO + self.origin.elapsed()
    }

    fn wake_at(&self, at: Monotonic) -> BoxFuture<()> {
        let until = self.origin.checked_add(at.since(Monotonic::ZERO));
        Box::pin(async move {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waking_is_never_early_and_a_past_point_is_ready_at_once() {
        let clock = SimClock::new();
        let at = Monotonic::ZERO + Duration::from_millis(1_500);
        clock.wake_at(at).await;
        assert!(clock.monotonic() >= at);
        let now = clock.monotonic();
        clock.wake_at(Monotonic::ZERO).await;
        assert_eq!(clock.monotonic(), now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_point_that_is_never_reached_is_waited_for() {
        let clock = SimClock::new();
        tokio::select! {
            () = clock.wake_at(Monotonic::NEVER) => panic!("never came"),
            () = clock.wake_at(Monotonic::ZERO + Duration::from_secs(1 << 30)) => {}
        }
    }
}

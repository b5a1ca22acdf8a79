//! The clock port on the machine's own time.

use std::time::{Duration, SystemTime};

use laneway_domain::{BoxFuture, Clock, Monotonic, Timestamp};
use tokio::time::Instant;

/// The machine's clocks, and tokio's timers for waking.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

#[allow(clippy::disallowed_methods)] // this is where the clock port meets the machine
impl SystemClock {
    /// A clock whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::disallowed_methods)] // this is where the clock port meets the machine
impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Monotonic {
        let since = Instant::now().saturating_duration_since(self.origin);
        Monotonic::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn wake_at(&self, at: Monotonic) -> BoxFuture<()> {
        let after = Duration::from_nanos(at.nanos());
        let sleep = self.origin.checked_add(after).map(tokio::time::sleep_until);
        Box::pin(async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        })
    }
}

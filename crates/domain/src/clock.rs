//! The port to time.

use std::future::Future;
use std::pin::Pin;

use crate::time::{Monotonic, Timestamp};

/// A future without borrowed parts.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// Tells the time and wakes who waits for it.
///
/// # Contract
///
/// *Order*: [`monotonic`](Clock::monotonic) never goes back; [`wall`](Clock::wall) may. Both come from the same host.
///
/// *Waking*: the future of [`wake_at`](Clock::wake_at) is ready at that point or later, never earlier; a point that has
/// passed is ready at once. Dropping it cancels the wake-up.
pub trait Clock: Send + Sync {
    /// The time on the wall.
    fn wall(&self) -> Timestamp;
    /// The time since this clock's origin.
    fn monotonic(&self) -> Monotonic;
    /// Waits until `at`.
    fn wake_at(&self, at: Monotonic) -> BoxFuture<()>;
}

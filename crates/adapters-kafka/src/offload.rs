//! Questions that block, asked on a thread of their own.

use std::thread;

use futures_channel::oneshot;

/// Runs `work` on a plain thread: no runtime's worker waits for it, and who drops the future leaves it to its end.
///
/// None where no thread can be had, or where `work` panicked.
pub(crate) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, wait) = oneshot::channel();
    let answer = move || {
        // Nobody waits any more: the answer goes nowhere.
        _ = done.send(work());
    };
    thread::Builder::new().name("laneway-kafka".to_owned()).spawn(answer).ok()?;
    wait.await.ok()
}

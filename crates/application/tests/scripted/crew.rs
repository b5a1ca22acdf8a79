//! A worker that is gone ends its subscription, and says why.

use std::sync::atomic::{AtomicUsize, Ordering};

use laneway_domain::{Cancellation, Event, Handler, HandlerContext, HandlerError};

use crate::diary::PATIENCE;
use crate::stage::{Stage, options};

/// Panics where no guard stands, in so many workers.
struct Rotten(AtomicUsize);

impl Handler for Rotten {
    async fn handle(&self, _: &Event, _: &HandlerContext<'_>) -> Result<(), HandlerError> {
        Ok(())
    }

    fn cancellation(&self) -> Cancellation {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "in a worker");
        Cancellation::Drop
    }
}

async fn ends_with_a_reason(workers: usize, gone: usize) {
    let stage = Stage::new();
    let mut options = options();
    options.workers = workers;
    let subscription = stage.subscribe(options, Rotten(AtomicUsize::new(gone))).await;
    let ended = stage.diary.within(PATIENCE, subscription.ended()).await;
    let reason = ended.unwrap_or_else(|| panic!("it never ended"));
    assert!(reason.is_some_and(|reason| reason.contains("worker")));
    assert!(subscription.is_gone() && !subscription.health().is_good());
}

#[tokio::test(start_paused = true)]
async fn one_worker_that_is_gone_ends_the_subscription_with_a_reason() {
    ends_with_a_reason(2, 1).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_worker_that_is_gone_ends_the_subscription_with_a_reason() {
    ends_with_a_reason(1, 1).await;
}

//! The port down: events into the logs of the memory broker.

use std::future::poll_fn;
use std::task::{Context, Poll};

use async_trait::async_trait;
use laneway_domain::{
    Clock, Flushed, Monotonic, Origin, Outgoing, PublishError, PublishFault, Published, Publisher,
    PublisherCapabilities, Timer, Timestamp,
};

use crate::broker::MemoryBroker;
use crate::spread::{Route, Spread};

/// An acknowledged event is in the log, in memory: it lives as long as the broker.
///
/// *Order*: in a partition that has no room, what follows an event which ends `Busy` ends `Busy` too. *Cancel safety*:
/// dropping the future takes back what still waits for room; what was appended stays.
#[async_trait]
impl Publisher for MemoryBroker {
    fn capabilities(&self) -> &PublisherCapabilities {
        &self.inner.publisher
    }

    async fn publish(&self, batch: Outgoing) -> Vec<Result<Published, PublishError>> {
        let Outgoing { events, origin } = batch;
        let count = events.len();
        let at = self.inner.clock.wall();
        let Ok(mut spread) = Spread::new(events, &self.inner.topics, self.inner.config.max_event_bytes)
        else {
            let closed = || Err(PublishError::new(PublishFault::Closed, "the broker is closed"));
            return (0..count).map(|_| closed()).collect();
        };
        if land(&mut spread.routes, origin, at) {
            self.wait(&mut spread.routes).await;
        }
        spread.results()
    }

    /// Returns at once: outside of [`publish`](Publisher::publish) nothing is under way.
    async fn flush(&self, _deadline: Monotonic) -> Flushed {
        Flushed::default()
    }
}

/// Appends what there is room for; whether something waits.
fn land(routes: &mut [Route], origin: Origin, at: Timestamp) -> bool {
    let mut waits = false;
    for route in routes {
        let pieces = route.load();
        let landing = route.topic.partition(route.number).append(pieces, origin, at);
        route.settle(landing.answer);
        route.ticket = landing.ticket;
        waits |= route.ticket.is_some();
    }
    waits
}

impl MemoryBroker {
    /// Waits in every full partition at once, until all have answered or the time is up.
    #[cold]
    async fn wait(&self, routes: &mut [Route]) {
        let clock = &self.inner.clock;
        let until = clock.monotonic() + self.inner.config.publish_wait;
        let mut queue = Queue { routes, clock: &**clock };
        let mut timer = Timer::new(clock.clone());
        poll_fn(|cx| match queue.poll(cx) {
            Poll::Pending => timer.poll(cx, until),
            ready @ Poll::Ready(()) => ready,
        })
        .await;
        queue.leave();
    }
}

/// The places of one call in the queues of partitions; dropping it leaves them.
struct Queue<'a> {
    routes: &'a mut [Route],
    clock: &'a dyn Clock,
}

impl Queue<'_> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut all = Poll::Ready(());
        for route in self.routes.iter_mut() {
            let Some(ticket) = route.ticket else { continue };
            match route.topic.partition(route.number).poll(ticket, cx.waker()) {
                Some(answer) => route.settle(answer),
                None => all = Poll::Pending,
            }
        }
        all
    }

    fn leave(&mut self) {
        for route in self.routes.iter_mut() {
            if let Some(ticket) = route.ticket {
                let answer = route.topic.partition(route.number).withdraw(ticket, self.clock);
                route.settle(answer);
            }
        }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

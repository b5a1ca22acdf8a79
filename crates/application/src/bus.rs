//! The bus: a publish path, its subscriptions, and an end to both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_domain::{Clock, DeadLetterDesk, Envelope, Flushed, Handler, PublishError, Publisher};

use crate::backlog::{PublisherBacklog, PublisherGauge};
use crate::consume::siblings::Siblings;
use crate::consume::{Ground, Subscription, SubscriptionError, SubscriptionOptions, subscribe_among};
use crate::publish::{PublishPath, Receipt};

/// Publishes and subscribes on one set of adapters. Clones are handles of the same bus.
///
/// The lock stands on the cold paths, subscribing and closing; publishing and handling take none.
#[derive(Clone)]
pub struct Bus {
    path: Arc<PublishPath>,
    ground: Ground,
    registry: Arc<Mutex<Registry>>,
    siblings: Siblings,
}

#[derive(Default)]
struct Registry {
    subscriptions: Vec<Subscription>,
    /// Group and topic of subscriptions that are being opened.
    opening: Vec<(laneway_domain::GroupId, laneway_domain::TopicName)>,
    closed: bool,
}

impl Bus {
    /// A bus on these adapters.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>, ground: Ground) -> Self {
        let path = Arc::new(PublishPath::new(publisher, ground.clock.clone()));
        Self { path, ground, siblings: Siblings::default(), registry: Arc::default() }
    }

    /// Publishes one event; see [`PublishPath::publish`].
    ///
    /// # Errors
    /// What became of the event, where the broker did not acknowledge it.
    pub async fn publish(&self, event: Envelope) -> Result<Receipt, PublishError> {
        self.path.publish(event).await
    }

    /// Publishes events, with an answer for each; see [`PublishPath::publish_batch`].
    pub async fn publish_batch(&self, events: Vec<Envelope>) -> Vec<Result<Receipt, PublishError>> {
        self.path.publish_batch(events).await
    }

    /// Subscribes a handler.
    ///
    /// # Errors
    /// All faults of the options at once; a second subscription of the same group to the same topic; a closed bus; or
    /// why the broker opened no session.
    ///
    /// # Cancel safety
    /// Dropping the future before it is ready leaves no subscription behind.
    pub async fn subscribe<H: Handler>(
        &self,
        options: SubscriptionOptions,
        handler: H,
    ) -> Result<Subscription, SubscriptionError> {
        let seat = self.reserve(&options)?;
        let subscription = subscribe_among(&self.siblings, self.ground.clone(), options, handler).await?;
        let closed = {
            let mut registry = self.registry();
            registry.subscriptions.push(subscription.clone());
            registry.closed
        };
        drop(seat);
        if closed {
            subscription.close(Duration::ZERO).await;
            return Err(SubscriptionError::Closed);
        }
        Ok(subscription)
    }

    /// Keeps others from opening the same group and topic until the seat is dropped.
    fn reserve(&self, options: &SubscriptionOptions) -> Result<Seat, SubscriptionError> {
        let mut registry = self.registry();
        if registry.closed {
            return Err(SubscriptionError::Closed);
        }
        registry.subscriptions.retain(|subscription| !subscription.is_gone());
        let group = &options.group;
        if let Some(topic) = options.topics.iter().find(|topic| registry.has(group, topic)) {
            return Err(SubscriptionError::Twice { group: group.clone(), topic: topic.clone() });
        }
        let pairs: Vec<_> = options.topics.iter().map(|topic| (group.clone(), topic.clone())).collect();
        registry.opening.extend(pairs.iter().cloned());
        Ok(Seat { registry: self.registry.clone(), pairs })
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscriptions that have not ended.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let open = |subscription: &&Subscription| !subscription.has_ended();
        self.registry().subscriptions.iter().filter(open).cloned().collect()
    }

    /// How many events were acknowledged, and how many were not.
    #[must_use]
    pub fn published(&self) -> (u64, u64) {
        self.path.counts()
    }

    /// How many events were handed over and have no answer yet; see [`PublishPath::sending`].
    #[must_use]
    pub fn sending(&self) -> u64 {
        self.path.sending()
    }

    /// Tells the depth of the send queue, also to whoever does not hold the bus.
    #[must_use]
    pub fn publisher_gauge(&self) -> PublisherGauge {
        let path = self.path.clone();
        Arc::new(move || PublisherBacklog::sending(path.sending()))
    }

    /// The operators' side of the dead letters: what waits, and what to do with it. None where the store has none.
    #[must_use]
    pub fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.ground.dead_letters.as_ref()?.desk()
    }

    /// The clock of the bus.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.ground.clock
    }

    /// Stops everything: no handler starts, running ones may end until shortly before the deadline, what is finished is
    /// committed, groups are left, and what was handed to the broker gets its outcome. Publishing and subscribing fail
    /// from now on. May be called again, with less time to hurry.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the stop under way.
    pub async fn close(&self, within: Duration) -> Flushed {
        let subscriptions = {
            let mut registry = self.registry();
            registry.closed = true;
            registry.subscriptions.clone()
        };
        self.path.drain();
        let deadline = self.ground.clock.monotonic() + within;
        futures_util::future::join_all(subscriptions.iter().map(|subscription| subscription.close(within)))
            .await;
        // Handlers that were running could publish until now.
        self.path.close(deadline.since(self.ground.clock.monotonic())).await
    }
}

impl Registry {
    fn has(&self, group: &laneway_domain::GroupId, topic: &laneway_domain::TopicName) -> bool {
        let opening = self.opening.iter().any(|(g, t)| g == group && t == topic);
        opening || self.subscriptions.iter().any(|s| s.group() == group && s.topics().contains(topic))
    }
}

/// A group's place in its topics while its session is being opened.
struct Seat {
    registry: Arc<Mutex<Registry>>,
    pairs: Vec<(laneway_domain::GroupId, laneway_domain::TopicName)>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.opening.retain(|pair| !self.pairs.contains(pair));
    }
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("subscriptions", &self.subscriptions()).finish_non_exhaustive()
    }
}

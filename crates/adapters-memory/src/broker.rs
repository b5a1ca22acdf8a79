//! The broker: topics, groups and a clock, put together.

use std::fmt;
use std::sync::{Arc, Mutex};

use laneway_domain::{Clock, GroupId, Invalid, PublisherCapabilities, SubscriberCapabilities};

use crate::config::MemoryConfig;
use crate::groups::Groups;
use crate::piece::Bound;
use crate::rules::Rules;
use crate::topics::Topics;

/// A broker in this process: [`Publisher`](laneway_domain::Publisher), [`Subscriber`](laneway_domain::Subscriber),
/// [`BacklogChecker`](laneway_domain::BacklogChecker) and [`TopicAdmin`](laneway_domain::TopicAdmin) in one.
///
/// It is volatile: events and checkpoints live as long as the last clone or session. Clones share everything. Publishing
/// and reading take one short lock of one partition; none is global, and none is held while something waits.
///
/// ```
/// # struct Stopped;
/// # impl laneway_domain::Clock for Stopped {
/// #     fn wall(&self) -> laneway_domain::Timestamp { laneway_domain::Timestamp::default() }
/// #     fn monotonic(&self) -> laneway_domain::Monotonic { laneway_domain::Monotonic::ZERO }
/// #     fn wake_at(&self, _: laneway_domain::Monotonic) -> laneway_domain::BoxFuture<()> {
/// #         Box::pin(std::future::pending())
/// #     }
/// # }
/// # let clock = std::sync::Arc::new(Stopped);
/// # futures_util::FutureExt::now_or_never(async {
/// use laneway_domain::{Envelope, Origin, Outgoing, Publisher, TopicName};
/// use laneway_memory::{MemoryBroker, MemoryConfig};
///
/// let broker = MemoryBroker::new(MemoryConfig::default(), clock).map_err(|mut faults| faults.remove(0))?;
/// let event = Envelope::new(TopicName::new("orders")?, "placed");
/// let results = broker.publish(Outgoing { events: vec![event], origin: Origin::Caller }).await;
/// assert!(results[0].as_ref().is_ok_and(|published| published.position.is_some()));
/// # Ok::<(), laneway_domain::Invalid>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryBroker {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: MemoryConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) publisher: PublisherCapabilities,
    pub(crate) subscriber: SubscriberCapabilities,
    /// Held while a plan is carried out, so that plans come one at a time.
    pub(crate) planning: Mutex<()>,
}

impl MemoryBroker {
    /// Makes a broker without topics and groups.
    ///
    /// # Errors
    /// Every rule that the settings break, at once.
    pub fn new(config: MemoryConfig, clock: Arc<dyn Clock>) -> Result<Self, Vec<Invalid>> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let keep = Bound { events: config.retention_events, bytes: config.retention_bytes };
        let rules = Rules { keep, overflow: config.overflow, handler_reserve: config.handler_reserve };
        let inner = Inner {
            topics: Topics::new(config.partitions, rules),
            groups: Groups::new(clock.clone()),
            publisher: PublisherCapabilities {
                max_bytes: config.max_event_bytes,
                durable: false,
                deduplicates: false,
                ordered_prefix: true,
            },
            subscriber: SubscriberCapabilities {
                partitions: true,
                state_bytes: config.state_bytes,
                fences: false,
                replays: true,
            },
            planning: Mutex::new(()),
            config,
            clock,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Closes the broker: publishing and opening answer `Closed`, also to those who wait for room, and every session
    /// ends with `Closed`. What is in the logs can still be committed until then. The second time does nothing new.
    pub fn close(&self) {
        self.inner.topics.close();
        self.inner.groups.close();
    }

    /// Takes all partitions from every member of a group at once, as a broker does to members that it holds for dead,
    /// and gives them out anew, with new epochs. How many members there were.
    pub fn expel(&self, group: &GroupId) -> usize {
        self.inner.groups.find(group).map_or(0, |group| group.expel())
    }

    /// Forgets a group that has no members, with its checkpoints: events are no longer kept for it, and the next member
    /// starts where its subscription says. Whether it did: not where the group has members, or does not exist.
    pub fn forget(&self, group: &GroupId) -> bool {
        self.inner.groups.forget(group)
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

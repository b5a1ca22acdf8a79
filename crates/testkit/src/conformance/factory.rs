//! What makes adapters for the suite.

use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::{DeadLetterCapabilities, PublisherCapabilities, SubscriberCapabilities};

use super::adapter::{Adapter, Needs};

/// Makes instances of one adapter.
///
/// # Contract
///
/// *Who calls*: the suite, once or more per scenario, from many threads; each scenario on a tokio runtime of its own
/// that is gone when it ends.
///
/// *Isolation*: no instance sees another's events, groups or dead letters, also where all stand on one server.
#[async_trait]
pub trait Factory: Send + Sync {
    /// What its instances can do, whatever they are asked for.
    fn capabilities(&self) -> Capabilities;

    /// How long a scenario waits for what must come, within [`limit`](Factory::limit): ten seconds, where
    /// the broker is no slower.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// The longest that a scenario may take: half a minute, where an expelled group is not a matter of seconds.
    fn limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Makes an instance; panics with the reason where it cannot, which fails the scenario.
    async fn adapter(&self, needs: Needs) -> Adapter;
}

/// What an adapter can do, as far as scenarios depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What its publisher can do.
    pub publisher: PublisherCapabilities,
    /// What its subscriber can do.
    pub subscriber: SubscriberCapabilities,
    /// What its dead-letter queue can do.
    pub dead_letters: DeadLetterCapabilities,
    /// Whether it tells the lag of groups.
    pub backlog: bool,
    /// Whether publishing waits while a partition holds [`Needs::keep`] events that a group has not committed.
    pub waits_when_full: bool,
    /// Whether it has the control [`trim`](super::Controls::trim).
    pub trims: bool,
    /// Whether it has the control [`expel`](super::Controls::expel).
    pub expels: bool,
    /// Whether it has the control [`pad`](super::Controls::pad).
    pub pads: bool,
    /// Whether it has the controls [`disconnect`](super::Controls::disconnect) and
    /// [`reconnect`](super::Controls::reconnect).
    pub disconnects: bool,
    /// Whether its sessions say `MayStart`, where [`Needs::faults`] asks for it, and cannot while disconnected.
    pub fences: bool,
}

//! The composition root: which adapters stand behind a bus.

mod builder;

use std::ops::Deref;

use laneway_application::Bus;
use laneway_application::backlog::{BacklogCallbacks, BacklogMonitor, BacklogSettings};
use laneway_application::consume::ConfigError;
use laneway_domain::{BacklogChecker, TopicAdmin};
use laneway_memory::MemoryBroker;
use std::sync::Arc;

pub use builder::{BuildError, EventBusBuilder};

/// An event bus with everything that its broker offers. Clones are handles of the same bus; it dereferences to [`Bus`]
/// for publishing, subscribing and closing.
#[derive(Clone)]
pub struct EventBus {
    bus: Bus,
    backlog: Arc<dyn BacklogChecker>,
    topics: Arc<dyn TopicAdmin>,
}

impl EventBus {
    /// A bus on the in-process broker with its defaults: volatile, nothing to install.
    ///
    /// # Errors
    /// None with the defaults of this version; the signature is that of every other bus.
    pub fn in_memory() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// The in-process broker behind a bus that is assembled elsewhere.
    pub(crate) fn of(bus: Bus, broker: Arc<MemoryBroker>) -> Self {
        Self { bus, backlog: broker.clone(), topics: broker }
    }

    /// Settings of a bus.
    #[must_use]
    pub fn builder() -> EventBusBuilder {
        EventBusBuilder::default()
    }

    /// Tells how far groups are behind.
    #[must_use]
    pub fn backlog(&self) -> &dyn BacklogChecker {
        &*self.backlog
    }

    /// Watches how far groups are behind, until the monitor is dropped. Call it inside a runtime.
    ///
    /// # Errors
    /// Every setting that breaks a rule, at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn watch_backlog(
        &self,
        settings: BacklogSettings,
        callbacks: BacklogCallbacks,
    ) -> Result<BacklogMonitor, ConfigError> {
        let (gauge, clock) = (self.publisher_gauge(), self.clock().clone());
        BacklogMonitor::start(self.backlog.clone(), Some(gauge), clock, settings, callbacks)
    }

    /// Makes and describes topics.
    #[must_use]
    pub fn topics(&self) -> &dyn TopicAdmin {
        &*self.topics
    }
}

impl Deref for EventBus {
    type Target = Bus;

    fn deref(&self) -> &Bus {
        &self.bus
    }
}

impl std::fmt::Debug for EventBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bus.fmt(f)
    }
}

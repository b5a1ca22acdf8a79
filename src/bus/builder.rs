//! Building a bus.

use std::sync::Arc;

use laneway_application::consume::{ConfigError, Ground};
use laneway_application::{Bus, SystemClock};
use laneway_domain::{Clock, DeadLetterQueue};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};

use super::EventBus;

/// Why a bus was not built: every setting that breaks a rule, with the rule.
pub type BuildError = ConfigError;

/// Settings of a bus; what is not set has a default.
#[derive(Default)]
pub struct EventBusBuilder {
    memory: MemoryConfig,
    dead_letters: Option<Arc<dyn DeadLetterQueue>>,
    clock: Option<Arc<dyn Clock>>,
}

impl EventBusBuilder {
    /// Sets up the in-process broker.
    #[must_use]
    pub fn memory(mut self, config: MemoryConfig) -> Self {
        self.memory = config;
        self
    }

    /// Puts dead letters into this store. Default: one in memory.
    #[must_use]
    pub fn dead_letters(mut self, store: Arc<dyn DeadLetterQueue>) -> Self {
        self.dead_letters = Some(store);
        self
    }

    /// Takes the time from this clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Builds the bus.
    ///
    /// # Errors
    /// Every setting that breaks a rule, at once.
    pub fn build(self) -> Result<EventBus, BuildError> {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let broker = MemoryBroker::new(self.memory, clock.clone()).map_err(ConfigError::new)?;
        let dead_letters = self.dead_letters.unwrap_or_else(|| Arc::new(MemoryDeadLetters::new()));
        let broker = Arc::new(broker);
        let ground = Ground { subscriber: broker.clone(), dead_letters: Some(dead_letters), clock };
        Ok(EventBus::of(Bus::new(broker.clone(), ground), broker))
    }
}

impl std::fmt::Debug for EventBusBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBusBuilder").field("memory", &self.memory).finish_non_exhaustive()
    }
}

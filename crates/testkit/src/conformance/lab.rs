//! Where a scenario takes place.

use std::fmt;
use std::sync::Arc;

use super::adapter::Needs;
use super::factory::{Capabilities, Factory};
use super::watched::Watched;
use super::world::World;

/// Gives a scenario its adapters, and watches what it does with them.
pub struct Lab {
    factory: Arc<dyn Factory>,
    watched: Arc<Watched>,
}

impl Lab {
    pub(crate) fn new(factory: Arc<dyn Factory>, watched: Arc<Watched>) -> Self {
        Self { factory, watched }
    }

    /// What the adapter can do.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.factory.capabilities()
    }

    /// A fresh adapter and all that stands on it.
    pub(crate) async fn world(&self, needs: Needs) -> World {
        let partitions = if self.capabilities().subscriber.partitions { needs.partitions } else { 1 };
        let adapter = self.factory.adapter(Needs { partitions, ..needs }).await;
        World::new(adapter, self.watched.clone(), self.factory.patience())
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("capabilities", &self.capabilities()).finish_non_exhaustive()
    }
}

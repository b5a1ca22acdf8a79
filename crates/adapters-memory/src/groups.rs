//! All groups of a broker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_domain::{Clock, GroupId, Subscription};

use crate::aftermath::Aftermath;
use crate::claim::GroupKey;
use crate::roster::{Group, Membership};
use crate::topic::Topic;
use crate::topics::Closed;

/// The groups by name. A group lives on without members, because its checkpoints do, until it is forgotten.
pub(crate) struct Groups {
    clock: Arc<dyn Clock>,
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    groups: HashMap<GroupId, Arc<Group>>,
    made: u64,
    closed: bool,
}

impl Groups {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, registry: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn find(&self, id: &GroupId) -> Option<Arc<Group>> {
        self.lock().groups.get(id).cloned()
    }

    /// Joins a group, which is made by its first member.
    pub(crate) fn join(
        &self,
        topics: &[Arc<Topic>],
        subscription: &Subscription,
    ) -> Result<Membership, Closed> {
        let mut after = Aftermath::default();
        // The registry stays locked meanwhile, or the group could be forgotten between the look and the joining.
        let mut registry = self.lock();
        if registry.closed {
            return Err(Closed);
        }
        let group = registry.find_or_make(&subscription.group, &self.clock);
        let membership = group.join(topics, subscription, &mut after);
        drop(registry);
        after.settle();
        Ok(membership)
    }

    /// Forgets a group that has no members; whether there was one.
    pub(crate) fn forget(&self, id: &GroupId) -> bool {
        let mut registry = self.lock();
        let Some(group) = registry.groups.get(id).filter(|group| group.is_empty()).cloned() else {
            return false;
        };
        registry.groups.remove(id);
        drop(registry);
        group.strike();
        true
    }

    /// Takes no member any more, and tells those there are.
    pub(crate) fn close(&self) {
        let mut registry = self.lock();
        registry.closed = true;
        let groups: Vec<_> = registry.groups.values().cloned().collect();
        drop(registry);
        groups.iter().for_each(|group| group.close());
    }
}

impl Registry {
    fn find_or_make(&mut self, id: &GroupId, clock: &Arc<dyn Clock>) -> Arc<Group> {
        if let Some(group) = self.groups.get(id) {
            return group.clone();
        }
        self.made += 1;
        let group = Arc::new(Group::new(GroupKey(self.made), clock.clone()));
        self.groups.insert(id.clone(), group.clone());
        group
    }
}

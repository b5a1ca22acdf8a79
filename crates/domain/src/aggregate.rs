//! The key of a lane.

use std::fmt;

use crate::identity::{AggregateId, TenantId};
use crate::topic::TopicName;

/// What is kept in order: one aggregate of one tenant in one topic. The key of lanes and of parking.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AggregateKey {
    /// The topic.
    pub topic: TopicName,
    /// The tenant, where events carry one.
    pub tenant: Option<TenantId>,
    /// The aggregate.
    pub id: AggregateId,
}

impl fmt::Display for AggregateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "{}/{tenant}/{}", self.topic, self.id),
            None => write!(f, "{}/{}", self.topic, self.id),
        }
    }
}

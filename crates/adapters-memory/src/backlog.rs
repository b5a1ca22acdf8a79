//! How far groups are behind.

use async_trait::async_trait;
use laneway_domain::{BacklogChecker, BacklogError, GroupId, PartitionLag, TopicName};

use crate::broker::MemoryBroker;
use crate::partition::Lag;

/// Exact. A group that never came is behind with everything that is kept; what retention has dropped counts for nobody.
#[async_trait]
impl BacklogChecker for MemoryBroker {
    async fn backlog(
        &self,
        group: &GroupId,
        topics: &[TopicName],
    ) -> Result<Vec<PartitionLag>, BacklogError> {
        let group = self.inner.groups.find(group).map(|group| group.key());
        let mut lags = Vec::new();
        for name in topics {
            let unknown = || BacklogError::UnknownTopic(name.clone());
            let topic = self.inner.topics.find(name).ok_or_else(unknown)?;
            for (number, partition) in topic.partitions() {
                let Lag { events, oldest, oldest_kept, owned } = partition.lag(group);
                let (topic, oldest_retained) = (name.clone(), oldest_kept);
                lags.push(PartitionLag {
                    topic,
                    number,
                    events,
                    exact: true,
                    oldest,
                    oldest_retained,
                    owned,
                });
            }
        }
        Ok(lags)
    }
}

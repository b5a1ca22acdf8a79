//! Which topics exist, as far as was asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use laneway_domain::TopicName;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;

use crate::offload::offload;

/// What is known of topics. Reading takes no lock; a topic that is missing is asked for at every publish.
#[derive(Default)]
pub(crate) struct Topics {
    known: ArcSwap<BTreeMap<TopicName, bool>>,
}

impl Topics {
    /// Whether a topic exists; none where that is not known.
    pub(crate) fn knows(&self, topic: &TopicName) -> Option<bool> {
        self.known.load().get(topic).copied()
    }

    /// Asks for topics that are not known to exist.
    pub(crate) async fn learn(
        &self,
        scout: &Arc<BaseConsumer>,
        topics: impl Iterator<Item = &TopicName>,
        patience: Duration,
    ) {
        let known = self.known.load_full();
        let mut unknown: Vec<_> = topics.filter(|topic| known.get(*topic) != Some(&true)).collect();
        unknown.dedup();
        for topic in unknown {
            if let Some(Ok(found)) = shape(scout, topic, patience).await {
                self.note(topic, found.is_some());
            }
        }
    }

    fn note(&self, topic: &TopicName, exists: bool) {
        self.known.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            known.insert(topic.clone(), exists);
            known
        });
    }

    /// Nothing is known of a topic any more.
    pub(crate) fn forget(&self, topic: &TopicName) {
        self.known.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            known.remove(topic);
            known
        });
    }
}

/// How many partitions and copies a topic has; none where it does not exist.
pub(crate) async fn shape(
    scout: &Arc<BaseConsumer>,
    topic: &TopicName,
    patience: Duration,
) -> Option<KafkaResult<Option<(u32, u16)>>> {
    let (scout, topic) = (scout.clone(), topic.clone());
    offload(move || ask(&scout, &topic, patience)).await
}

/// The same, blocking.
pub(crate) fn ask(
    scout: &BaseConsumer,
    topic: &TopicName,
    patience: Duration,
) -> KafkaResult<Option<(u32, u16)>> {
    let metadata = scout.fetch_metadata(Some(topic.as_str()), patience)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic.as_str()) else {
        return Ok(None);
    };
    let partitions = found.partitions();
    let leads =
        |error: Option<RDKafkaRespErr>| error.is_none_or(|e| Code::from(e) != Code::LeaderNotAvailable);
    match found.error().map(Code::from) {
        None if !partitions.iter().all(|partition| leads(partition.error())) => Ok(None),
        None => {
            let copies = partitions.first().map_or(0, |partition| partition.replicas().len());
            let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            Ok(Some((narrow(partitions.len()), u16::try_from(copies).unwrap_or(u16::MAX))))
        }
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::LeaderNotAvailable) => Ok(None),
        Some(code) => Err(KafkaError::MetadataFetch(code)),
    }
}

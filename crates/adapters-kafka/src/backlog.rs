//! How far groups are behind.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, BacklogError, GroupId, PartitionLag, PartitionNumber, StartFrom, Timestamp, TopicName,
};
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfig as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::broker::KafkaBroker;
use crate::lookup::{self, Standing};
use crate::offload::offload;
use crate::place::Place;
use crate::topics;

/// Counts offsets between what a group committed and the end of the log, so control records and compacted ones count
/// too: the number of events is an upper bound. Times are those of records. A group that never came is behind with
/// everything that is kept. Nothing of the group is disturbed: a client that is no member asks.
#[async_trait]
impl BacklogChecker for KafkaBroker {
    async fn backlog(
        &self,
        group: &GroupId,
        topics: &[TopicName],
    ) -> Result<Vec<PartitionLag>, BacklogError> {
        let (broker, group, topics) = (self.clone(), group.clone(), topics.to_vec());
        let told = offload(move || broker.tell(&group, &topics)).await;
        told.unwrap_or_else(|| {
            Err(unavailable("no thread could be had to ask for a backlog".to_owned(), None))
        })
    }
}

impl KafkaBroker {
    fn tell(&self, group: &GroupId, topics: &[TopicName]) -> Result<Vec<PartitionLag>, BacklogError> {
        let places = self.places(topics)?;
        let observer = BaseConsumer::from_config(&self.inner.config.observer(group)).map_err(failed)?;
        let (scout, patience) = (&self.inner.scout, self.patience());
        let standings = lookup::standings(&observer, scout, &places, StartFrom::Earliest, patience);
        let standings = standings.map_err(failed)?;
        let owned = self.inner.owned.of(group);
        let reader = self.inner.config.reader();
        let firsts: Vec<_> = standings.iter().map(|standing| standing.clamp(standing.wanted())).collect();
        let lows: Vec<_> = standings.iter().map(|standing| standing.low).collect();
        let oldest = stamps(&reader, &standings, &firsts, patience).map_err(failed)?;
        let kept = stamps(&reader, &standings, &lows, patience).map_err(failed)?;
        let rows = standings.iter().enumerate().map(|(at, standing)| PartitionLag {
            topic: standing.place.topic.clone(),
            number: standing.place.number,
            events: u64::try_from(standing.high - firsts[at]).unwrap_or(0),
            exact: false,
            oldest: oldest[at],
            oldest_retained: kept[at],
            owned: owned.contains(&standing.place),
        });
        Ok(rows.collect())
    }

    fn places(&self, topics: &[TopicName]) -> Result<Vec<Place>, BacklogError> {
        let mut places = Vec::new();
        for topic in topics {
            let found = topics::ask(&self.inner.scout, topic, self.patience()).map_err(failed)?;
            let (partitions, _) = found.ok_or_else(|| BacklogError::UnknownTopic(topic.clone()))?;
            places
                .extend((0..partitions).map(|n| Place { topic: topic.clone(), number: PartitionNumber(n) }));
        }
        Ok(places)
    }
}

/// When the broker took the first record at or behind each offset; none where there is none.
fn stamps(
    settings: &ClientConfig,
    standings: &[Standing],
    from: &[i64],
    patience: Duration,
) -> KafkaResult<Vec<Option<Timestamp>>> {
    let mut found = vec![None; standings.len()];
    let mut at = 0;
    // The end of a partition is told without the name of its topic, so topics are read one at a time.
    for topic in standings.chunk_by(|a, b| a.place.topic == b.place.topic) {
        let range = at..at + topic.len();
        at = range.end;
        first_stamps(settings, topic, &from[range.clone()], &mut found[range], patience)?;
    }
    Ok(found)
}

fn first_stamps(
    settings: &ClientConfig,
    topic: &[Standing],
    from: &[i64],
    found: &mut [Option<Timestamp>],
    patience: Duration,
) -> KafkaResult<()> {
    let mut list = TopicPartitionList::new();
    let mut awaited = BTreeMap::new();
    for (at, (standing, from)) in topic.iter().zip(from).enumerate().filter(|(_, (s, from))| **from < s.high)
    {
        let Place { topic, .. } = &standing.place;
        list.add_partition_offset(topic.as_str(), standing.place.raw(), Offset::Offset(*from))?;
        awaited.insert(standing.place.raw(), at);
    }
    if awaited.is_empty() {
        return Ok(());
    }
    let reader = BaseConsumer::from_config(settings)?;
    reader.assign(&list)?;
    while !awaited.is_empty() {
        match reader.poll(patience) {
            None => break,
            Some(Err(KafkaError::PartitionEOF(end))) => _ = awaited.remove(&end),
            Some(Err(error)) => return Err(error),
            Some(Ok(message)) => {
                if let Some(at) = awaited.remove(&message.partition()) {
                    found[at] = message.timestamp().to_millis().map(Timestamp::from_unix_millis);
                }
            }
        }
    }
    Ok(())
}

fn failed(error: KafkaError) -> BacklogError {
    unavailable(error.to_string(), Some(error))
}

fn unavailable(reason: String, cause: Option<KafkaError>) -> BacklogError {
    BacklogError::Unavailable { reason, cause: cause.map(Into::into) }
}

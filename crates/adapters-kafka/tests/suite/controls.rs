//! What the broker does to a topic on request.

use std::time::Duration;

use laneway_domain::TopicName;
use rdkafka::Offset;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::cluster;

const PATIENCE: Duration = Duration::from_secs(10);

/// Leaves the newest `keep` records of each partition.
pub(crate) async fn trim(topic: TopicName, partitions: u32, keep: usize) {
    let watermarks = tokio::task::spawn_blocking({
        let topic = topic.clone();
        move || watermarks(&topic, partitions)
    });
    let mut before = TopicPartitionList::new();
    for (number, (low, high)) in watermarks.await.unwrap().into_iter().enumerate() {
        let cut = (high - i64::try_from(keep).unwrap()).max(low);
        let number = i32::try_from(number).unwrap();
        before.add_partition_offset(topic.as_str(), number, Offset::Offset(cut)).unwrap();
    }
    let admin: AdminClient<DefaultClientContext> = cluster::client().create().unwrap();
    let done = admin.delete_records(&before, &AdminOptions::new()).await.unwrap();
    done.elements().iter().for_each(|element| element.error().unwrap());
}

fn watermarks(topic: &TopicName, partitions: u32) -> Vec<(i64, i64)> {
    let scout: BaseConsumer = cluster::client().create().unwrap();
    let number = |n| i32::try_from(n).unwrap();
    (0..partitions).map(|n| scout.fetch_watermarks(topic.as_str(), number(n), PATIENCE).unwrap()).collect()
}

/// Puts an aborted transaction behind the newest record of each partition.
pub(crate) async fn pad(topic: TopicName, partitions: u32) {
    tokio::task::spawn_blocking(move || abort(&topic, partitions)).await.unwrap();
}

fn abort(topic: &TopicName, partitions: u32) {
    let mut settings = cluster::client();
    settings.set("transactional.id", cluster::unique("padding"));
    let producer: BaseProducer = settings.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    for number in 0..partitions {
        let record = BaseRecord::<str, str>::to(topic.as_str()).partition(i32::try_from(number).unwrap());
        producer.send(record.payload("padding")).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
}

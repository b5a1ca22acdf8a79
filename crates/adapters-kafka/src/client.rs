//! The settings as librdkafka takes them.

use std::time::Duration;

use laneway_domain::GroupId;
use rdkafka::ClientConfig;

use crate::config::{Compression, GroupProtocol, KafkaConfig};

impl KafkaConfig {
    /// What all clients have in common.
    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.brokers.join(","));
        client.set("client.id", &self.client_id);
        client.set("allow.auto.create.topics", "false");
        client.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        for (name, value) in &self.properties {
            client.set(name, value.reveal());
        }
        client
    }

    /// A client that only asks.
    pub(crate) fn scout(&self) -> ClientConfig {
        self.client()
    }

    /// A client that asks for what a group has committed, without being a member.
    pub(crate) fn observer(&self, group: &GroupId) -> ClientConfig {
        let mut client = self.client();
        client.set("group.id", group.as_str());
        client.set("enable.auto.commit", "false");
        client
    }

    /// A client that looks at single records, outside of any group.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut client = self.client();
        client.set("group.id", "laneway-lookup").set("enable.auto.commit", "false");
        client.set("enable.partition.eof", "true").set("auto.offset.reset", "earliest");
        client.set("queued.max.messages.kbytes", "1024").set("fetch.message.max.bytes", "16384");
        client
    }

    /// A client that publishes. It never gives an event up by itself, so that none behind it is stored before it.
    pub(crate) fn publisher(&self) -> ClientConfig {
        let producer = &self.producer;
        let mut client = self.client();
        client.set("enable.idempotence", "true");
        client.set("acks", "all");
        client.set("message.timeout.ms", "0");
        client.set("partitioner", "murmur2_random");
        client.set("message.max.bytes", (producer.max_event_bytes + OVERHEAD).to_string());
        client.set("linger.ms", millis(producer.linger));
        client.set("compression.type", compression(producer.compression));
        client.set("queue.buffering.max.messages", (producer.window * 2).to_string());
        client.set("queue.buffering.max.kbytes", "1048576");
        client
    }

    /// A client that is a member of a group. Offsets are committed explicitly, and none is ever reset in silence.
    pub(crate) fn member(&self, group: &GroupId) -> ClientConfig {
        let consumer = &self.consumer;
        let mut client = self.observer(group);
        client.set("enable.auto.offset.store", "false");
        client.set("auto.offset.reset", "error");
        client.set("queued.min.messages", consumer.prefetch_events.to_string());
        client.set("queued.max.messages.kbytes", consumer.prefetch_kib.to_string());
        // What is read again after a full queue should not wait for the client's second.
        client.set("fetch.queue.backoff.ms", "20");
        client.set("fetch.message.max.bytes", consumer.fetch_bytes.to_string());
        client.set("fetch.wait.max.ms", millis(consumer.fetch_wait));
        client.set("topic.metadata.refresh.interval.ms", millis(consumer.metadata_age));
        match consumer.protocol {
            GroupProtocol::Consumer => client.set("group.protocol", "consumer"),
            GroupProtocol::Classic => client
                .set("group.protocol", "classic")
                .set("partition.assignment.strategy", "range")
                .set("session.timeout.ms", millis(consumer.session_timeout))
                .set("heartbeat.interval.ms", millis(consumer.heartbeat)),
        };
        if let Some(instance) = &consumer.instance {
            client.set("group.instance.id", instance);
        }
        client
    }
}

/// What the protocol adds to an event, at most.
const OVERHEAD: usize = 1_024;

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

const fn compression(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Snappy => "snappy",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
    }
}

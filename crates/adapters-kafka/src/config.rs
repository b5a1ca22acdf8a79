//! Where the brokers are, and how to speak to them.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_domain::Invalid;

use crate::secret::Secret;

/// The settings of a [`KafkaBroker`](crate::KafkaBroker): plain data, checked by
/// [`KafkaBroker::new`](crate::KafkaBroker::new).
///
/// ```
/// use laneway_kafka::KafkaConfig;
/// let config = KafkaConfig::new(["127.0.0.1:9092"]);
/// assert!(config.faults().is_empty());
/// assert_eq!(KafkaConfig::new(["no port"]).faults()[0].field(), "kafka.brokers");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Some brokers of the cluster, as `host:port`; the others are found through them.
    pub brokers: Vec<String>,
    /// What this program is called in the brokers' logs and quotas. Default `laneway`.
    pub client_id: String,
    /// How long one question to the brokers may take: metadata, offsets, topics. Default 10 s, at most one hour.
    pub request_timeout: Duration,
    /// How events are published.
    pub producer: ProducerConfig,
    /// How groups are joined and records fetched.
    pub consumer: ConsumerConfig,
    /// Properties of librdkafka that have no setting here, for all clients. One that has a setting is refused.
    pub properties: BTreeMap<String, Secret>,
}

/// How events are published. Producers are idempotent and wait for all in-sync replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerConfig {
    /// The largest key, payload and headers of an event together, in bytes. Default 1,000,000, which brokers take
    /// unless told otherwise (`max.message.bytes` of a topic, 1,048,588 with the batch around it).
    pub max_event_bytes: usize,
    /// The most events that are handed over and not acknowledged. Default 10,000.
    pub window: usize,
    /// How long publishing waits for room in the window before it answers `Busy`. Default 5 s.
    pub publish_wait: Duration,
    /// How long publishing waits for the broker's answer before it answers `Unknown`. Default 30 s.
    pub ack_timeout: Duration,
    /// How long an event may wait for others to be sent with. Default 1 ms.
    pub linger: Duration,
    /// How batches are compressed. Default [`Compression::None`].
    pub compression: Compression,
}

/// How batches of events are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip: small and slow.
    Gzip,
    /// snappy.
    Snappy,
    /// lz4: quick.
    Lz4,
    /// zstd; needs the feature `zstd`.
    Zstd,
}

/// How groups are joined and records fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// How the group shares its partitions. Default [`GroupProtocol::Consumer`].
    pub protocol: GroupProtocol,
    /// After how long without a sign of life a member is gone. With [`GroupProtocol::Consumer`] the broker decides
    /// (`group.consumer.session.timeout.ms`), and this has to be no longer than that. Default 45 s.
    pub session_timeout: Duration,
    /// How often a member says that it lives; only with [`GroupProtocol::Classic`]. Default 3 s.
    pub heartbeat: Duration,
    /// A name that a member keeps over restarts (static membership): within the session timeout it comes back to its
    /// partitions without a rebalance.
    pub instance: Option<String>,
    /// How many records of a partition are fetched ahead of what is handled. Default 100,000.
    pub prefetch_events: u32,
    /// How many kilobytes of values of a partition are fetched ahead of what is handled. Default 8,192.
    pub prefetch_kib: u32,
    /// The most bytes that one fetch brings of one partition. Default 1 MiB.
    pub fetch_bytes: u32,
    /// How long a broker waits for records before it answers a fetch with nothing. Default 500 ms.
    pub fetch_wait: Duration,
    /// How often the partitions of topics are looked up, so that new ones are found. Default 5 min.
    pub metadata_age: Duration,
}

/// How a group shares its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GroupProtocol {
    /// KIP-848: the broker assigns, and only what changes moves. Needs Kafka 4.0.
    #[default]
    Consumer,
    /// The older protocol, eager: at every change all partitions are given back and handed out anew (`range`).
    Classic,
}

impl KafkaConfig {
    /// The defaults, for these brokers.
    pub fn new<S: Into<String>>(brokers: impl IntoIterator<Item = S>) -> Self {
        Self {
            brokers: brokers.into_iter().map(Into::into).collect(),
            client_id: "laneway".to_owned(),
            request_timeout: Duration::from_secs(10),
            producer: ProducerConfig::default(),
            consumer: ConsumerConfig::default(),
            properties: BTreeMap::new(),
        }
    }

    /// Every rule that the settings break.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let mut faults = Vec::new();
        if self.brokers.is_empty() {
            faults.push(Invalid::new("kafka.brokers", "names at least one broker", ""));
        }
        let wrong = self.brokers.iter().filter(|broker| !has_a_port(broker));
        faults.extend(wrong.map(|broker| Invalid::new("kafka.brokers", "are `host:port`", broker)));
        faults
    }
}

fn has_a_port(broker: &str) -> bool {
    broker.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            max_event_bytes: 1_000_000,
            window: 10_000,
            publish_wait: Duration::from_secs(5),
            ack_timeout: Duration::from_secs(30),
            linger: Duration::from_millis(1),
            compression: Compression::None,
        }
    }
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            protocol: GroupProtocol::Consumer,
            session_timeout: Duration::from_secs(45),
            heartbeat: Duration::from_secs(3),
            instance: None,
            prefetch_events: 100_000,
            prefetch_kib: 8_192,
            fetch_bytes: 1 << 20,
            fetch_wait: Duration::from_millis(500),
            metadata_age: Duration::from_secs(300),
        }
    }
}

//! Kafka as the suite asks for it.

use std::sync::Arc;
use std::time::Duration;

use laneway_application::SystemClock;
use laneway_codecs::{CloudEventsBinary, Source};
use laneway_domain::{
    Clock, DeadLetterCapabilities, DeadLetterQueue, GroupId, PublisherCapabilities, SubscriberCapabilities,
    TopicAdmin, TopicName, TopicPlan, TopicStrategy,
};
use laneway_kafka::{ConsumerConfig, GroupProtocol, KafkaBroker, KafkaConfig};
use laneway_memory::MemoryDeadLetters;
use laneway_testkit::conformance::{Adapter, Capabilities, Control, Controls, Factory, Needs};

use super::proxy::{Proxy, proxy};
use super::{cluster, controls};

/// As the broker that is started for the suite has it.
const SESSION: Duration = Duration::from_secs(3);

/// Makes topics of their own on one broker.
pub(crate) struct Kafka {
    protocol: GroupProtocol,
}

impl Kafka {
    /// With KIP-848.
    pub(crate) fn consumer() -> Self {
        Self { protocol: GroupProtocol::Consumer }
    }

    fn config(&self, needs: &Needs, name: &str) -> KafkaConfig {
        let brokers = proxy().map_or_else(cluster::brokers, |proxy| vec![proxy.address.clone()]);
        let mut config = KafkaConfig::new(brokers);
        name.clone_into(&mut config.client_id);
        config.producer.publish_wait = needs.publish_wait;
        config.producer.max_event_bytes = needs.max_event_bytes.unwrap_or(config.producer.max_event_bytes);
        if needs.keep.is_some() {
            // What was fetched ahead cannot be trimmed any more.
            (config.consumer.prefetch_events, config.consumer.fetch_bytes) = (1, 1);
        }
        config.consumer = ConsumerConfig {
            protocol: self.protocol,
            session_timeout: SESSION,
            heartbeat: Duration::from_millis(300),
            fetch_wait: Duration::from_millis(50),
            ..config.consumer
        };
        config
    }
}

#[async_trait::async_trait]
impl Factory for Kafka {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            publisher: PublisherCapabilities {
                max_bytes: 1_000_000,
                durable: true,
                deduplicates: false,
                ordered_prefix: true,
            },
            subscriber: SubscriberCapabilities {
                partitions: true,
                state_bytes: 3_057,
                fences: true,
                replays: true,
            },
            dead_letters: DeadLetterCapabilities { lists: true, ..MemoryDeadLetters::new().capabilities() },
            backlog: true,
            waits_when_full: false,
            trims: true,
            expels: proxy().is_some(),
            pads: true,
            disconnects: proxy().is_some(),
            fences: true,
        }
    }

    /// A group that is expelled takes longer than a session to come back, and one scenario expels it ten times.
    fn limit(&self) -> Duration {
        Duration::from_secs(120)
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let name = cluster::unique("conformance");
        let broker = KafkaBroker::new(
            self.config(&needs, &name),
            Arc::new(CloudEventsBinary::kafka(Source::default())),
            clock.clone(),
        );
        let broker = broker.unwrap_or_else(|faults| panic!("{faults:?}"));
        let mut topics = Vec::with_capacity(needs.topics);
        for at in 0..needs.topics {
            topics.push(topic(&broker, &format!("{name}-{at}"), &needs).await);
        }
        let (partitions, keep) = (needs.partitions, needs.keep.unwrap_or(0));
        Adapter {
            publisher: Arc::new(broker.clone()),
            subscriber: Arc::new(broker.clone()),
            dead_letters: Arc::new(MemoryDeadLetters::new()),
            backlog: Some(Arc::new(broker)),
            codec: Some(Arc::new(CloudEventsBinary::kafka(Source::default()))),
            clock: clock.clone(),
            topics,
            group_prefix: format!("{name}-"),
            controls: Controls {
                trim: Some(Arc::new(move |topic| Box::pin(controls::trim(topic, partitions, keep)))),
                pad: Some(Arc::new(move |topic| Box::pin(controls::pad(topic, partitions)))),
                expel: proxy().map(|proxy| expel(proxy, &name, clock.clone())),
                disconnect: proxy().map(|proxy| switch(proxy, &name, true)),
                reconnect: proxy().map(|proxy| switch(proxy, &name, false)),
                ..Controls::default()
            },
        }
    }
}

fn switch(proxy: &'static Proxy, client: &str, cut: bool) -> Control<()> {
    let client = client.to_owned();
    Arc::new(move |()| {
        proxy.cut(&client, cut);
        Box::pin(async {})
    })
}

/// The group forgets members that it has not heard of for a session.
fn expel(proxy: &'static Proxy, client: &str, clock: Arc<dyn Clock>) -> Control<GroupId> {
    let client = client.to_owned();
    Arc::new(move |_| {
        proxy.cut(&client, true);
        let (client, over) = (client.clone(), clock.wake_at(clock.monotonic() + SESSION + SESSION / 4));
        Box::pin(async move {
            over.await;
            proxy.cut(&client, false);
        })
    })
}

async fn topic(broker: &KafkaBroker, name: &str, needs: &Needs) -> TopicName {
    let topic = TopicName::new(name).unwrap();
    let plan = TopicPlan {
        topic: topic.clone(),
        partitions: Some(needs.partitions),
        replication: None,
        retention: None,
        retention_bytes: None,
        strategy: TopicStrategy::CreateOnly,
    };
    broker.apply(&plan).await.unwrap_or_else(|error| panic!("{error}"));
    topic
}

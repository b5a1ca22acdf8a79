//! The cluster: clients, settings and a clock, put together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use laneway_domain::{Clock, Codec, Invalid, PublisherCapabilities, SubscriberCapabilities};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use crate::admin::Admin;
use crate::config::KafkaConfig;
use crate::metadata::STATE_BYTES;
use crate::owned::Owned;
use crate::producer::{Producer, Reports};
use crate::topics::Topics;
use crate::window::Window;

/// A Kafka cluster: [`Publisher`](laneway_domain::Publisher), [`Subscriber`](laneway_domain::Subscriber),
/// [`BacklogChecker`](laneway_domain::BacklogChecker) and [`TopicAdmin`](laneway_domain::TopicAdmin) in one.
///
/// Clones share everything. Making one connects to nothing: brokers that are down show when something is asked of them.
#[derive(Clone)]
pub struct KafkaBroker {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: KafkaConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) scout: Arc<BaseConsumer>,
    pub(crate) producer: Producer,
    pub(crate) window: Arc<Window>,
    pub(crate) topics: Topics,
    pub(crate) admin: Admin,
    /// Held while a plan is carried out, so that plans come one at a time.
    pub(crate) planning: tokio::sync::Mutex<()>,
    pub(crate) owned: Arc<Owned>,
    pub(crate) publisher: PublisherCapabilities,
    pub(crate) subscriber: SubscriberCapabilities,
    closed: AtomicBool,
}

impl KafkaBroker {
    /// Makes the clients for a cluster.
    ///
    /// # Errors
    /// Every rule that the settings break, at once; also what librdkafka refuses of its properties.
    pub fn new(
        config: KafkaConfig,
        codec: Arc<dyn Codec>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<Invalid>> {
        let faults = config.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let window = Arc::new(Window::new(config.producer.window));
        let scout = config.scout().create::<BaseConsumer>().map_err(|error| refused(&error))?;
        let admin = config.scout().create::<Admin>();
        let reports = Reports { window: window.clone() };
        let producer = Producer::from_config_and_context(&config.publisher(), reports);
        let producer = producer.map_err(|error| refused(&error))?;
        let inner = Inner {
            publisher: PublisherCapabilities {
                max_bytes: config.producer.max_event_bytes,
                durable: true,
                deduplicates: false,
                ordered_prefix: true,
            },
            subscriber: SubscriberCapabilities {
                partitions: true,
                state_bytes: STATE_BYTES,
                fences: true,
                replays: true,
            },
            config,
            clock,
            codec,
            scout: Arc::new(scout),
            producer,
            window,
            topics: Topics::default(),
            admin: admin.map_err(|error| refused(&error))?,
            planning: tokio::sync::Mutex::default(),
            owned: Arc::default(),
            closed: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Nothing is published or opened any more. What was handed over goes on its way; see
    /// [`flush`](laneway_domain::Publisher::flush).
    pub fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
    }

    pub(crate) fn patience(&self) -> Duration {
        self.inner.config.request_timeout
    }
}

impl Inner {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

fn refused(error: &KafkaError) -> Vec<Invalid> {
    vec![Invalid::new("kafka.properties", "are what librdkafka takes", error)]
}

impl fmt::Debug for KafkaBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaBroker").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

//! The memory broker as the suite asks for it.

use std::sync::Arc;

use laneway::SystemClock;
use laneway::domain::{
    Clock, DeadLetterCapabilities, DeadLetterQueue, GroupId, PublisherCapabilities, SubscriberCapabilities,
    TopicName,
};
use laneway::memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters, Overflow};
use laneway_testkit::conformance::{Adapter, Capabilities, Controls, Factory, Needs, WhenFull};

/// Makes memory brokers, one for each scenario.
pub(crate) struct Memory;

fn config(needs: &Needs) -> MemoryConfig {
    let defaults = MemoryConfig::default();
    MemoryConfig {
        partitions: needs.partitions,
        max_event_bytes: needs.max_event_bytes.unwrap_or(defaults.max_event_bytes),
        retention_events: needs.keep.unwrap_or(200_000),
        overflow: match needs.when_full {
            WhenFull::Wait => Overflow::Wait,
            WhenFull::DropOldest => Overflow::DropOldest,
        },
        publish_wait: needs.publish_wait,
        ..defaults
    }
}

fn topic(at: usize) -> TopicName {
    TopicName::new(&format!("topic-{at}")).unwrap_or_else(|fault| panic!("{fault}"))
}

#[async_trait::async_trait]
impl Factory for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            publisher: PublisherCapabilities {
                max_bytes: MemoryConfig::default().max_event_bytes,
                durable: false,
                deduplicates: false,
                ordered_prefix: true,
            },
            subscriber: SubscriberCapabilities {
                partitions: true,
                state_bytes: MemoryConfig::default().state_bytes,
                fences: false,
                replays: true,
            },
            dead_letters: DeadLetterCapabilities { lists: true, ..MemoryDeadLetters::new().capabilities() },
            backlog: true,
            waits_when_full: true,
            trims: true,
            expels: true,
        }
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let broker =
            MemoryBroker::new(config(&needs), clock.clone()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let topics = (0..needs.topics).map(topic);
        let expelling = broker.clone();
        Adapter {
            publisher: Arc::new(broker.clone()),
            subscriber: Arc::new(broker.clone()),
            dead_letters: Arc::new(MemoryDeadLetters::new()),
            backlog: Some(Arc::new(broker)),
            codec: None,
            clock,
            topics: topics.collect(),
            group_prefix: String::new(),
            controls: Controls {
                // Where the oldest go by themselves there is nothing left to trim.
                trim: Some(Arc::new(|_| Box::pin(async {}))),
                expel: Some(Arc::new(move |group: GroupId| {
                    expelling.expel(&group);
                    Box::pin(async {})
                })),
            },
        }
    }
}

//! What the programs that run seeds share: the memory broker as an adapter of the test kit.

use std::sync::Arc;

use async_trait::async_trait;
use laneway_domain::{Clock, DeadLetterQueue, GroupId, Publisher, Subscriber, TopicName};
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters, Overflow};
use laneway_testkit::SimClock;
use laneway_testkit::conformance::{Adapter, Capabilities, Control, Controls, Factory, Needs, WhenFull};

/// Makes a broker of its own for every run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory;

#[async_trait]
impl Factory for Memory {
    fn capabilities(&self) -> Capabilities {
        let broker = broker(&Needs::default(), SimClock::shared());
        Capabilities {
            publisher: *Publisher::capabilities(&broker),
            subscriber: *Subscriber::capabilities(&broker),
            dead_letters: MemoryDeadLetters::new().capabilities(),
            backlog: true,
            waits_when_full: true,
            trims: false,
            expels: true,
            pads: false,
            disconnects: false,
            fences: false,
        }
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        let clock = SimClock::shared();
        let broker = broker(&needs, clock.clone());
        let name = |at| TopicName::new(&format!("topic-{at}")).unwrap_or_else(|error| panic!("{error}"));
        let expelled = broker.clone();
        let expel: Control<GroupId> = Arc::new(move |group| {
            let broker = expelled.clone();
            Box::pin(async move {
                broker.expel(&group);
            })
        });
        Adapter {
            publisher: Arc::new(broker.clone()),
            subscriber: Arc::new(broker.clone()),
            dead_letters: Arc::new(MemoryDeadLetters::new()),
            backlog: Some(Arc::new(broker)),
            codec: None,
            clock,
            topics: (0..needs.topics).map(name).collect(),
            group_prefix: String::new(),
            controls: Controls { expel: Some(expel), ..Controls::default() },
        }
    }
}

fn broker(needs: &Needs, clock: Arc<dyn Clock>) -> MemoryBroker {
    let defaults = MemoryConfig::default();
    let config = MemoryConfig {
        partitions: needs.partitions,
        retention_events: needs.keep.unwrap_or(200_000),
        overflow: match needs.when_full {
            WhenFull::Wait => Overflow::Wait,
            WhenFull::DropOldest => Overflow::DropOldest,
        },
        publish_wait: needs.publish_wait,
        state_bytes: needs.state_bytes.unwrap_or(defaults.state_bytes),
        ..defaults
    };
    MemoryBroker::new(config, clock).unwrap_or_else(|faults| panic!("{faults:?}"))
}

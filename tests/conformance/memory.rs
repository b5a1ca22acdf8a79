//! The memory broker as the suite asks for it.

use std::sync::Arc;
use std::time::Duration;

use laneway::SystemClock;
use laneway::domain::{
    Clock, DeadLetterCapabilities, DeadLetterQueue, GroupId, PublisherCapabilities, SubscriberCapabilities,
    TopicName,
};
use laneway::memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters, Overflow};
use laneway_testkit::conformance::{Adapter, Capabilities, Control, Controls, Factory, Needs, WhenFull};
use laneway_testkit::faults::{
    Fault, FaultPlan, Faults, FaultySubscriber, FilteredSubscriber, Padding, Wire, Wired,
};

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
            pads: true,
            disconnects: true,
            fences: true,
        }
    }

    async fn adapter(&self, needs: Needs) -> Adapter {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let broker =
            MemoryBroker::new(config(&needs), clock.clone()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let expelling = broker.clone();
        let adapter = Adapter {
            publisher: Arc::new(broker.clone()),
            subscriber: Arc::new(broker.clone()),
            dead_letters: Arc::new(MemoryDeadLetters::new()),
            backlog: Some(Arc::new(broker)),
            codec: None,
            clock,
            topics: (0..needs.topics).map(topic).collect(),
            group_prefix: String::new(),
            controls: Controls {
                // Where the oldest go by themselves there is nothing left to trim.
                trim: Some(Arc::new(|_| Box::pin(async {}))),
                expel: Some(Arc::new(move |group: GroupId| {
                    expelling.expel(&group);
                    Box::pin(async {})
                })),
                ..Controls::default()
            },
        };
        if needs.faults { with_faults(adapter, needs.partitions as usize) } else { adapter }
    }
}

/// How long a permission to start handlers holds.
const PERMISSION: Duration = Duration::from_millis(500);

/// What a broker in the same process has none of: a connection to lose, positions without events, and permissions.
fn with_faults(adapter: Adapter, partitions: usize) -> Adapter {
    // A pause that may come, and never does: permissions are given and renewed.
    let plan = FaultPlan { permission: PERMISSION, ..FaultPlan::quiet(1) }.at(Fault::Pause, u64::MAX);
    let faults = Faults::new(plan, adapter.clock.clone()).unwrap_or_else(|faults| panic!("{faults:?}"));
    let fencing = FaultySubscriber::new(adapter.subscriber, faults);
    let padded = FilteredSubscriber::new(fencing, |_: &_| Padding);
    let (wire, publisher) = (Wire::default(), adapter.publisher.clone());
    Adapter {
        publisher: Arc::new(Wired::new(adapter.publisher, wire.clone())),
        subscriber: Arc::new(Wired::new(padded, wire.clone())),
        controls: Controls {
            pad: Some(Arc::new(move |topic: TopicName| {
                let publisher = publisher.clone();
                Box::pin(async move {
                    let padding = Padding::put(&publisher, &topic, partitions).await;
                    padding.unwrap_or_else(|error| panic!("{error}"));
                })
            })),
            disconnect: Some(switch(&wire, Wire::cut)),
            reconnect: Some(switch(&wire, Wire::mend)),
            ..adapter.controls
        },
        ..adapter
    }
}

fn switch(wire: &Wire, turn: fn(&Wire)) -> Control<()> {
    let wire = wire.clone();
    Arc::new(move |()| {
        turn(&wire);
        Box::pin(async {})
    })
}

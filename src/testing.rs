//! What a service is tested with; behind the feature `testing`, for `dev-dependencies`.
//!
//! ```toml
//! [dev-dependencies]
//! laneway = { path = "...", features = ["testing"] }
//! ```
//!
//! [`Given`] runs one handler with no broker. [`TestBus`] runs a whole service in memory on a virtual clock: publish, wait
//! until all is quiet, look at what was handled and what is dead, redrive it, with faults from a seed where you like. All
//! of it belongs into a paused runtime, where an hour takes no time: `#[tokio::test(start_paused = true)]`.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use laneway_application::Bus;
use laneway_application::consume::ConfigError;
use laneway_memory::{MemoryBroker, MemoryConfig, MemoryDeadLetters};
use laneway_testkit::SimClock;
use laneway_testkit::conformance::{Adapter, Controls};
use laneway_testkit::testing::TestBus as Kit;

use crate::bus::{BuildError, EventBus};

pub use laneway_testkit::faults::{Crash, Fault, FaultPlan, Faults};
pub use laneway_testkit::testing::{
    Ended, Given, Handling, NotQuiet, Outcome, RedriveError, Then, UnderWay, each_seed,
};

/// An in-memory bus on a virtual clock that shows what it does. It dereferences to the test kit's
/// [`TestBus`](laneway_testkit::testing::TestBus), which subscribes, waits and looks, and that to [`Bus`], which publishes.
///
/// ```
/// use laneway::domain::Filter;
/// use laneway::prelude::*;
/// use laneway::testing::TestBus;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (bus, orders, billing) = (TestBus::new(), TopicName::new("orders")?, GroupId::new("billing")?);
/// let handler = handler_fn(|event: Event| async move {
///     if event.payload() == "?" && !event.is_redriven() { Err(HandlerError::fatal("what is this?")) } else { Ok(()) }
/// });
/// bus.subscribe(SubscriptionOptions::new(billing.clone(), [orders.clone()]), handler).await?;
/// for payload in ["1", "?", "3"] {
///     let of_order = Envelope::new(orders.clone(), payload).with_aggregate(AggregateId::new("order:42")?);
///     bus.publish(of_order).await?;
/// }
/// bus.await_quiet().await?;
/// assert_eq!((bus.handled(&billing).len(), bus.stored(&billing).await.len()), (1, 2)); // "3" waits behind "?"
/// bus.redrive(&Filter::group(billing.clone())).await?;
/// assert_eq!((bus.handled(&billing).len(), bus.stored(&billing).await.len()), (3, 0));
/// # Ok(())
/// # }
/// ```
pub struct TestBus {
    kit: Kit,
    bus: EventBus,
    broker: Arc<MemoryBroker>,
}

impl TestBus {
    /// A bus with the defaults of the in-process broker, in which nothing goes wrong. Make it inside the runtime whose
    /// clock it takes.
    ///
    /// # Panics
    /// Outside of a runtime: its clock would not be the one that the test waits by.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::build(MemoryConfig::default(), FaultPlan::quiet(0))
            .unwrap_or_else(|_| unreachable!("the defaults break no rule"))
    }

    /// A bus in which goes wrong what a plan says, from its seed; that is told where the test fails.
    ///
    /// ```
    /// use laneway::prelude::*;
    /// use laneway::testing::{FaultPlan, TestBus, each_seed};
    ///
    /// each_seed(0..20, |seed| async move {
    ///     let plan = FaultPlan::quiet(seed).lose_acks(0.1).redeliver(0.1).crash(0.02).slow_store(0.3);
    ///     let (bus, group) = (TestBus::with_faults(plan).unwrap(), GroupId::new("billing").unwrap());
    ///     let orders = TopicName::from_static("orders");
    ///     let options = SubscriptionOptions::new(group.clone(), [orders.clone()]);
    ///     bus.subscribe(options, handler_fn(|_: Event| async { Ok(()) })).await.unwrap();
    ///     bus.deliver((0..10).map(|n| Envelope::new(orders.clone(), n.to_string()))).await.unwrap();
    ///     bus.await_quiet().await.unwrap();
    ///     assert!(bus.handled(&group).len() >= 10); // at least once: make effects idempotent
    /// });
    /// ```
    ///
    /// # Errors
    /// Every rule that the plan breaks.
    ///
    /// # Panics
    /// As [`TestBus::new`].
    #[track_caller]
    pub fn with_faults(plan: FaultPlan) -> Result<Self, BuildError> {
        Self::build(MemoryConfig::default(), plan)
    }

    /// A bus with other settings of the broker.
    ///
    /// # Errors
    /// Every setting that breaks a rule.
    ///
    /// # Panics
    /// As [`TestBus::new`].
    #[track_caller]
    pub fn build(config: MemoryConfig, plan: FaultPlan) -> Result<Self, BuildError> {
        let clock = SimClock::of_runtime();
        let broker = Arc::new(MemoryBroker::new(config, clock.clone()).map_err(ConfigError::new)?);
        let adapter = Adapter {
            publisher: broker.clone(),
            subscriber: broker.clone(),
            dead_letters: Arc::new(MemoryDeadLetters::new()),
            backlog: Some(broker.clone()),
            codec: None,
            clock,
            topics: Vec::new(),
            group_prefix: String::new(),
            controls: Controls::default(),
        };
        let kit = Kit::on(adapter, plan).map_err(ConfigError::new)?;
        Ok(Self::over(kit, broker))
    }

    /// Another process on the same broker and store; see [`another`](laneway_testkit::testing::TestBus::another).
    #[must_use]
    pub fn another(&self) -> Self {
        Self::over(self.kit.another(), self.broker.clone())
    }

    /// The bus as a service takes it.
    #[must_use]
    pub const fn event_bus(&self) -> &EventBus {
        &self.bus
    }

    fn over(kit: Kit, broker: Arc<MemoryBroker>) -> Self {
        let bus: Bus = kit.bus().clone();
        Self { bus: EventBus::of(bus, broker.clone()), kit, broker }
    }
}

impl Default for TestBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for TestBus {
    type Target = Kit;

    fn deref(&self) -> &Kit {
        &self.kit
    }
}

impl fmt::Debug for TestBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kit.fmt(f)
    }
}

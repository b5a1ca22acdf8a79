#![doc = include_str!("../README.md")]

mod bus;
pub mod prelude;
#[cfg(feature = "testing")]
pub mod testing;

pub use bus::{BuildError, EventBus, EventBusBuilder};
pub use laneway_application::{Bus, SystemClock, backlog, consume, layers, policy, publish, recovery, route};
pub use laneway_codecs as codecs;
pub use laneway_derive::{DomainEvent, DomainEvents};
pub use laneway_domain as domain;
pub use laneway_domain::{DomainEvent, DomainEvents};
#[cfg(feature = "kafka")]
pub use laneway_kafka as kafka;
pub use laneway_memory as memory;

//! How far groups are behind, watched.
//!
//! A [`BacklogMonitor`] asks the broker on an interval, compares with thresholds and tells callbacks; it stands beside the consume
//! loop and never in its way. The [`Watchdog`] looks at one subscription from inside: work to do, and none of it gets done.

mod callbacks;
mod consumer;
mod look;
mod monitor;
mod publisher;
mod sentry;
mod settings;
mod watchdog;

pub use crate::calls::{CallbackCounts, CallbackOutcome};
pub use callbacks::BacklogCallbacks;
pub use consumer::{BacklogReport, GroupBacklog, TopicBacklog};
pub(crate) use look::{Look, look};
pub use monitor::BacklogMonitor;
pub use publisher::{PublisherBacklog, PublisherGauge};
pub(crate) use sentry::Sentry;
pub use sentry::{WatchdogCallbacks, WatchdogOptions};
pub use settings::{BacklogSettings, BacklogThresholds, BacklogWatch};
pub use watchdog::{Diagnosis, StallReason, Vitals, Watchdog, WatchdogPolicy, WorkerVitals};

//! Apache Kafka under the ports of Laneway: publishing, consumer groups, lag, topics.
//!
//! [`KafkaBroker`] implements the ports of a broker on librdkafka.
//!
//! | word | what it is here | where |
//! |---|---|---|
//! | broker | clients, settings and a clock, put together | `broker`, `config`, `client`, `secret` |
//! | flight | the events of one call, until each has its answer | `flight`, `window`, `producer`, `publisher` |
//! | session | one membership, as its user sees it | `session`, `subscriber` |
//! | mail | what stands between a session and the threads behind it | `mail`, `wake` |
//! | member | the thread that owns a consumer | `member`, `assign`, `read`, `context` |
//! | rebalances | in which order the group's changes are answered: decides and waits for nothing | `rebalance` |
//! | committer | the thread that commits, and proves that the group knows us | `committer`, `metadata` |
//! | holding | a partition that is ours | `holding`, `place`, `lookup` |
//! | run | records on their way into a batch | `run` |
//!
//! Three threads stand behind a session: the member's, the committer's, and one for each question that blocks. No thread
//! of a runtime ever waits for the client.

mod admin;
mod assign;
mod backlog;
mod broker;
mod client;
mod committer;
mod config;
mod context;
mod flight;
mod holding;
mod lookup;
mod mail;
mod member;
mod metadata;
mod offload;
mod owned;
mod place;
mod producer;
mod publisher;
mod read;
mod rebalance;
mod run;
mod secret;
mod session;
mod subscriber;
mod topics;
mod wake;
mod window;

pub use broker::KafkaBroker;
pub use config::{Compression, ConsumerConfig, GroupProtocol, KafkaConfig, ProducerConfig};
pub use secret::Secret;

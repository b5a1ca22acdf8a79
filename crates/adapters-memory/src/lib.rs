//! The in-process broker of Laneway: partitions, consumer groups, retention and replay, in memory.
//!
//! [`MemoryBroker`] implements the ports of a broker, [`MemoryDeadLetters`] those of a dead-letter queue,
//! [`MemoryIdempotency`] that of a store of what was handled. All are volatile. Time comes only from the [`Clock`](laneway_domain::Clock) port, and no runtime is needed.
//!
//! | word | what it is here | where |
//! |---|---|---|
//! | topic | partitions; made by first use or by a plan | `topic`, `topics`, `admin` |
//! | partition | a log, the claims of groups on it, and publishers that wait for room, behind one lock | `partition` |
//! | log | chunks that readers share, and a tail that still grows | `log` |
//! | piece | events of one partition on their way into its log, built without a lock | `piece`, `spread` |
//! | rules | what a partition keeps, and what it does when that is full | `rules` |
//! | room | the queue of publishers in front of a full partition | `room` |
//! | claim | what a group has in a partition: owner, epoch, checkpoint; it fences and it holds retention | `claim` |
//! | group | members, targets, revocations: decides and waits for nothing | `group`, `balance` |
//! | roster | a group at work: carries out what the coordinator says | `roster`, `groups` |
//! | seat | a member's letter box | `seat` |
//! | session | one membership, as its consumer sees it | `session`, `holdings` |
//! | shelf | the dead letters of one partition and group, and what waits behind them | `dead_letter` |
//! | books | all shelves, the wishes of operators, the audit | `dead_letter` |
//!
//! The path of an event: `publisher` sorts a batch with `spread`, `partition` appends it to its `log` and tells the
//! `seat` of a reader that waits; `session` fetches a stretch of a chunk and hands it out; a commit moves the `claim`,
//! which lets `room` serve who waits. Locks are taken in one order: groups, group, partition; wakers run under none.

mod admin;
mod aftermath;
mod backlog;
mod balance;
mod broker;
mod claim;
mod config;
mod dead_letter;
mod group;
mod groups;
mod holdings;
mod idempotency;
mod log;
mod partition;
mod piece;
mod publisher;
mod room;
mod roster;
mod rules;
mod seat;
mod session;
mod spread;
mod subscriber;
mod topic;
mod topics;

pub use broker::MemoryBroker;
pub use config::{DeadLetterConfig, MemoryConfig, Overflow};
pub use dead_letter::MemoryDeadLetters;
pub use idempotency::MemoryIdempotency;

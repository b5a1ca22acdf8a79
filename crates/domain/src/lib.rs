//! The vocabulary of Laneway: values, ports and their contracts, errors, capabilities, invariants.
//!
//! Nothing here waits, and nothing here knows a runtime, a broker or a database. Read the ports in the order of an
//! event's path: [`Publisher`], [`Subscriber`], [`Session`], [`Handler`], [`DeadLetterQueue`].

mod aggregate;
mod backlog;
mod capability;
mod clock;
mod codec;
mod dead_letter;
mod decode;
mod desk;
mod desk_ext;
mod domain_event;
mod domain_events;
mod edit;
mod encode;
mod envelope;
mod error;
mod event_kind;
mod event_store;
mod handler;
mod handler_mask;
mod headers;
mod idempotency;
mod identity;
mod inbox;
pub mod invariant;
mod name;
mod outbox;
mod parking;
mod partition;
mod payload;
mod position;
mod publisher;
mod record;
mod redrive;
mod session;
mod store;
mod subscriber;
mod time;
mod timer;
mod topic;
mod topic_admin;
mod trace;

pub use aggregate::AggregateKey;
pub use backlog::{BacklogChecker, BacklogError, PartitionLag};
pub use capability::{DeadLetterCapabilities, PublisherCapabilities, SubscriberCapabilities, Unsupported};
pub use clock::{BoxFuture, Clock};
pub use codec::{Codec, CodecError, Route, Undecodable};
pub use dead_letter::{AfterDeadLetter, DeadLetter, DeadLetterQueue, Death, DeathCause, LetterId};
pub use decode::DecodeError;
pub use desk::{Asked, DeadLetterDesk, DeskError, StoredLetter};
pub use desk_ext::DeskExt;
pub use domain_event::{DomainEvent, OnTopic};
pub use domain_events::DomainEvents;
pub use encode::{EncodeError, Unwritable};
pub use envelope::Envelope;
pub use error::{Cause, Invalid, chain};
pub use event_kind::EventKind;
pub use event_store::{AppendError, EventStore, Expected, GlobalPosition, StoredEvent, Version};
pub use handler::{
    Cancellation, ErrorClass, Event, Handler, HandlerContext, HandlerError, HandlerFn, Run, handler_fn,
};
pub use handler_mask::HandlerMask;
pub use headers::Headers;
pub use idempotency::{IdempotencyKey, IdempotencyStore, Mark, Subject, Watermark};
pub use identity::{
    AggregateId, AggregateVersion, CausationId, CorrelationId, EventId, EventType, GroupId, OwnerId, TenantId,
};
pub use inbox::{Admission, Inbox, InboxKey};
pub use outbox::{BucketLease, OutboxDepth, OutboxId, OutboxRow, OutboxStore, RowResult, Wake};
pub use parking::{Begun, Claim, ParkEntry, ParkState, ParkedAggregate, Parking, Resolution, Scope, Waits};
pub use partition::partition_of;
pub use payload::Payload;
pub use position::{Epoch, PartitionId, PartitionNumber, Position, Resume};
pub use publisher::{Flushed, Origin, Outgoing, PublishError, PublishFault, Published, Publisher};
pub use record::{Body, Received, Record, Rows};
pub use redrive::{Act, Answer, AuditLine, By, Filter, FilterTarget, Wish, WishId, WishTarget};
pub use session::{
    Assignment, Batch, Checkpoint, CommitAnswer, CommitError, ConnectionChange, Flow, Gap, GapCause,
    RevocationId, Session, SessionError, SessionEvent, StoredCheckpoint,
};
pub use store::{StoreError, StoreFault};
pub use subscriber::{StartFrom, SubscribeError, Subscriber, Subscription};
pub use time::{Monotonic, Timestamp};
pub use timer::Timer;
pub use topic::TopicName;
pub use topic_admin::{AdminError, TopicAdmin, TopicChange, TopicPlan, TopicState, TopicStrategy};
pub use trace::TraceContext;

//! The client that publishes, and what it hears.

use std::sync::Arc;

use laneway_domain::{PartitionNumber, PublishError, PublishFault, Published};
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{ProducerContext, ThreadedProducer};
use rdkafka::statistics::Statistics;

use crate::flight::{Receipt, Ticket};
use crate::run;
use crate::window::Window;

pub(crate) type Producer = ThreadedProducer<Reports>;

/// Answers tickets.
pub(crate) struct Reports {
    pub(crate) window: Arc<Window>,
}

impl ClientContext for Reports {
    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "the publishing client reports an error and goes on");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        self.window.leave(1);
        ticket.answer(receipt(result));
    }
}

fn receipt(result: &DeliveryResult<'_>) -> Receipt {
    match result {
        Ok(message) => Ok(Published {
            partition: PartitionNumber(u32::try_from(message.partition()).unwrap_or(0)),
            position: (message.offset() >= 0).then(|| run::position(message.offset())),
        }),
        Err((error, _)) => Err(refusal(error)),
    }
}

/// What an error of the client says about an event.
pub(crate) fn refusal(error: &KafkaError) -> PublishError {
    let fault = match error.rdkafka_error_code() {
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::InvalidRecord
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::PolicyViolation,
        ) => PublishFault::Rejected,
        Some(Code::QueueFull) => PublishFault::Busy,
        Some(Code::PurgeQueue) => PublishFault::Unavailable,
        _ => PublishFault::Unknown,
    };
    PublishError::new(fault, error.to_string()).because(error.clone())
}

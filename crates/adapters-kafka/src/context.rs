//! What the client tells a consumer, from inside a poll.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::mail::held;
use crate::place;
use crate::rebalance::Said;

/// A consumer whose callbacks only write down what they hear.
pub(crate) type Consumer = BaseConsumer<Context>;

/// Writes down what the client says. Nothing here waits: callbacks run inside of a poll, and inside of a drop.
#[derive(Default)]
pub(crate) struct Context {
    said: Mutex<Vec<Said>>,
    troubles: Mutex<Vec<Trouble>>,
    closing: AtomicBool,
    served: AtomicU64,
}

/// Something that the client reports besides what it returns.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) code: Option<RDKafkaErrorCode>,
    pub(crate) reason: String,
}

impl Context {
    /// What was heard since the last time.
    pub(crate) fn said(&self) -> Vec<Said> {
        std::mem::take(&mut *held(&self.said))
    }

    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        std::mem::take(&mut *held(&self.troubles))
    }

    /// From now on rebalances are answered where they are heard: nobody else will.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// How many callbacks have run: a poll that ran one returns as if there was nothing.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Acquire)
    }

    fn serve(&self) {
        self.served.fetch_add(1, Ordering::AcqRel);
    }
}

impl ClientContext for Context {
    fn stats(&self, _: Statistics) {
        self.serve();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.serve();
        let code = error.rdkafka_error_code();
        held(&self.troubles).push(Trouble { code, reason: reason.to_owned() });
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &Consumer, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.serve();
        let places = place::places(list);
        let said = match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Said::Assign(places),
            _ => Said::Revoke { places, lost: consumer.assignment_lost() },
        };
        if self.closing.load(Ordering::Acquire) {
            // An answer that fails leaves nothing to be done: the client closes.
            _ = match said {
                Said::Assign(_) => take(consumer, list),
                Said::Revoke { .. } => give(consumer, list),
            };
        } else {
            held(&self.said).push(said);
        }
    }

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {
        self.serve();
    }
}

/// Answers an assignment.
pub(crate) fn take(consumer: &Consumer, list: &TopicPartitionList) -> KafkaResult<()> {
    if is_incremental(consumer) { consumer.incremental_assign(list) } else { consumer.assign(list) }
}

/// Answers a revocation.
pub(crate) fn give(consumer: &Consumer, list: &TopicPartitionList) -> KafkaResult<()> {
    if is_incremental(consumer) { consumer.incremental_unassign(list) } else { consumer.unassign() }
}

/// Whether changes name only what changes.
pub(crate) fn is_incremental(consumer: &Consumer) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

//! Topics as things that are made and described.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use laneway_domain::{
    AdminError, Invalid, TopicAdmin, TopicChange, TopicName, TopicPlan, TopicState, TopicStrategy,
};

use crate::aftermath::Aftermath;
use crate::broker::MemoryBroker;
use crate::config::MemoryConfig;
use crate::topic::Topic;
use crate::topics::Closed;

/// Topics are made by their first use; a plan makes them ahead, with partitions and bytes of their own.
///
/// `retention_bytes` counts per partition, as Kafka's `retention.bytes` does. This broker keeps one copy, and keeps by
/// number and bytes: a plan with another replication, or with a retention by time, is refused.
#[async_trait]
impl TopicAdmin for MemoryBroker {
    async fn describe(&self, topics: &[TopicName]) -> Result<Vec<Option<TopicState>>, AdminError> {
        Ok(topics.iter().map(|name| self.inner.topics.find(name).map(|topic| state_of(&topic))).collect())
    }

    async fn apply(&self, plan: &TopicPlan) -> Result<Vec<TopicChange>, AdminError> {
        if plan.strategy == TopicStrategy::Skip {
            return Ok(Vec::new());
        }
        self.check(plan)?;
        let mut after = Aftermath::default();
        let changes = self.carry_out(plan, &mut after);
        after.settle();
        changes
    }
}

impl MemoryBroker {
    fn carry_out(&self, plan: &TopicPlan, after: &mut Aftermath) -> Result<Vec<TopicChange>, AdminError> {
        let _one_at_a_time = self.inner.planning.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.inner.topics.find(&plan.topic), plan.strategy) {
            (None, TopicStrategy::ValidateOnly) => Ok(vec![differs("topic", &"exists", &"does not exist")]),
            (None, _) => self.make(plan, after),
            (Some(topic), TopicStrategy::ValidateOnly) => Ok(differences(&topic, plan)),
            (Some(topic), TopicStrategy::CreateOrUpdate) => self.update(&topic, plan, after),
            (Some(_), TopicStrategy::CreateOnly | TopicStrategy::Skip) => Ok(Vec::new()),
        }
    }

    fn check(&self, plan: &TopicPlan) -> Result<(), Invalid> {
        let rule = |sound: bool, field: &'static str, rule: &'static str, found: String| {
            if sound { Ok(()) } else { Err(Invalid::new(field, rule, found)) }
        };
        let partitions = plan.partitions.is_none_or(|n| (1..=MemoryConfig::MAX_PARTITIONS).contains(&n));
        rule(partitions, "partitions", "is between 1 and 10,000", format!("{:?}", plan.partitions))?;
        let replication = plan.replication.is_none_or(|n| n == 1);
        rule(replication, "replication", "is 1: memory holds one copy", format!("{:?}", plan.replication))?;
        let by_bytes = "is not set: memory keeps events by number and bytes, not by time";
        rule(plan.retention.is_none(), "retention", by_bytes, format!("{:?}", plan.retention))?;
        let bytes = self.inner.config.max_event_bytes as u64..=1 << 40;
        let fits = "is at least the largest event (memory.max_event_bytes) and at most 1 TiB";
        let sound = plan.retention_bytes.is_none_or(|n| bytes.contains(&n));
        rule(sound, "retention_bytes", fits, format!("{:?}", plan.retention_bytes))
    }

    fn make(&self, plan: &TopicPlan, after: &mut Aftermath) -> Result<Vec<TopicChange>, AdminError> {
        let made = self.inner.topics.make(&plan.topic, plan.partitions, plan.retention_bytes.map(bytes));
        match made {
            Ok((_, true)) => Ok(vec![TopicChange::Created]),
            // Its first use came between the look and the making.
            Ok((topic, false)) if plan.strategy == TopicStrategy::CreateOrUpdate => {
                self.update(&topic, plan, after)
            }
            Ok((_, false)) => Ok(Vec::new()),
            Err(Closed) => {
                Err(AdminError::Unavailable { reason: "the broker is closed".to_owned(), cause: None })
            }
        }
    }

    fn update(
        &self,
        topic: &Arc<Topic>,
        plan: &TopicPlan,
        after: &mut Aftermath,
    ) -> Result<Vec<TopicChange>, AdminError> {
        if let Some(wanted) = plan.partitions.filter(|wanted| *wanted != topic.width()) {
            let (name, width) = (topic.name(), topic.width());
            let reason = format!("topic `{name}` has {width} partitions, and {wanted} would move aggregates");
            return Err(AdminError::Refused { reason });
        }
        let Some(wanted) = plan.retention_bytes.map(bytes).filter(|wanted| *wanted != topic.keep_bytes())
        else {
            return Ok(Vec::new());
        };
        topic.set_keep_bytes(wanted, &*self.inner.clock, after);
        Ok(vec![TopicChange::Changed { setting: "retention_bytes" }])
    }
}

fn bytes(wanted: u64) -> usize {
    usize::try_from(wanted).unwrap_or(usize::MAX)
}

fn state_of(topic: &Topic) -> TopicState {
    TopicState {
        topic: topic.name().clone(),
        partitions: topic.width(),
        replication: 1,
        retention: None,
        retention_bytes: Some(topic.keep_bytes() as u64),
    }
}

fn differences(topic: &Topic, plan: &TopicPlan) -> Vec<TopicChange> {
    let mut found = Vec::new();
    if let Some(wanted) = plan.partitions.filter(|wanted| *wanted != topic.width()) {
        found.push(differs("partitions", &wanted, &topic.width()));
    }
    let kept = topic.keep_bytes();
    if let Some(wanted) = plan.retention_bytes.map(bytes).filter(|wanted| *wanted != kept) {
        found.push(differs("retention_bytes", &wanted, &kept));
    }
    found
}

fn differs(setting: &'static str, wanted: &dyn ToString, found: &dyn ToString) -> TopicChange {
    TopicChange::Differs { setting, wanted: wanted.to_string(), found: found.to_string() }
}

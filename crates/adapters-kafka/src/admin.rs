//! Topics as things that are made and described.

use std::time::Duration;

use async_trait::async_trait;
use laneway_domain::{
    AdminError, Invalid, TopicAdmin, TopicChange, TopicName, TopicPlan, TopicState, TopicStrategy,
};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::broker::KafkaBroker;
use crate::topics;

pub(crate) type Admin = AdminClient<DefaultClientContext>;

const RETENTION: &str = "retention.ms";
const RETENTION_BYTES: &str = "retention.bytes";
/// How often a topic that was made is looked for.
const LOOK: Duration = Duration::from_millis(10);
/// Without limit, in both.
const UNLIMITED: &str = "-1";

/// `retention_bytes` counts per partition. The number of partitions and of copies of a topic that exists is never
/// changed: more partitions would move aggregates.
#[async_trait]
impl TopicAdmin for KafkaBroker {
    async fn describe(&self, topics: &[TopicName]) -> Result<Vec<Option<TopicState>>, AdminError> {
        let mut states = Vec::with_capacity(topics.len());
        for topic in topics {
            states.push(self.state(topic).await?);
        }
        Ok(states)
    }

    async fn apply(&self, plan: &TopicPlan) -> Result<Vec<TopicChange>, AdminError> {
        if plan.strategy == TopicStrategy::Skip {
            return Ok(Vec::new());
        }
        check(plan)?;
        let _one_at_a_time = self.inner.planning.lock().await;
        match (self.state(&plan.topic).await?, plan.strategy) {
            (None, TopicStrategy::ValidateOnly) => Ok(vec![differs("topic", &"exists", &"does not exist")]),
            (None, _) => self.make(plan).await,
            (Some(state), TopicStrategy::ValidateOnly) => Ok(differences(&state, plan)),
            (Some(state), TopicStrategy::CreateOrUpdate) => self.update(&state, plan).await,
            (Some(_), TopicStrategy::CreateOnly | TopicStrategy::Skip) => Ok(Vec::new()),
        }
    }
}

impl KafkaBroker {
    async fn state(&self, topic: &TopicName) -> Result<Option<TopicState>, AdminError> {
        let found = topics::shape(&self.inner.scout, topic, self.patience()).await;
        let found = found.ok_or_else(|| unavailable("no thread could be had to ask for a topic"))?;
        let Some((partitions, replication)) = found.map_err(admin_error)? else { return Ok(None) };
        let config = self.settings(topic).await?;
        let limit = |name: &str| config.get(name).and_then(|entry| entry.value.as_ref()?.parse::<u64>().ok());
        Ok(Some(TopicState {
            topic: topic.clone(),
            partitions,
            replication,
            retention: limit(RETENTION).map(Duration::from_millis),
            retention_bytes: limit(RETENTION_BYTES),
        }))
    }

    async fn settings(&self, topic: &TopicName) -> Result<ConfigResource, AdminError> {
        let resource = ResourceSpecifier::Topic(topic.as_str());
        let found =
            self.inner.admin.describe_configs([&resource], &self.options()).await.map_err(admin_error)?;
        let first = found.into_iter().next().ok_or_else(|| unavailable("the broker described nothing"))?;
        first.map_err(|code| refused(code.to_string()))
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.patience())).operation_timeout(Some(self.patience()))
    }

    async fn make(&self, plan: &TopicPlan) -> Result<Vec<TopicChange>, AdminError> {
        let (time, bytes) = limits(plan);
        // -1: as many as the broker makes by default.
        let partitions = plan.partitions.map_or(-1, |n| i32::try_from(n).unwrap_or(i32::MAX));
        let copies = plan.replication.map_or(-1, i32::from);
        let mut topic = NewTopic::new(plan.topic.as_str(), partitions, TopicReplication::Fixed(copies));
        for (name, value) in [(RETENTION, &time), (RETENTION_BYTES, &bytes)] {
            if let Some(value) = value {
                topic = topic.set(name, value);
            }
        }
        let made = self.inner.admin.create_topics([&topic], &self.options()).await.map_err(admin_error)?;
        self.inner.topics.forget(&plan.topic);
        match made.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) => Ok(Vec::new()),
            Some(Err((_, code))) => Err(refused(code.to_string())),
            _ => {
                self.appears(&plan.topic).await;
                Ok(vec![TopicChange::Created])
            }
        }
    }

    /// Waits until brokers that are asked know a topic: the one that made it tells them a little later.
    async fn appears(&self, topic: &TopicName) {
        let clock = &self.inner.clock;
        let deadline = clock.monotonic() + self.patience();
        while clock.monotonic() < deadline {
            if let Some(Ok(Some(_))) = topics::shape(&self.inner.scout, topic, self.patience()).await {
                return;
            }
            clock.wake_at(clock.monotonic() + LOOK).await;
        }
    }

    async fn update(&self, state: &TopicState, plan: &TopicPlan) -> Result<Vec<TopicChange>, AdminError> {
        if let Some(wanted) = plan.partitions.filter(|wanted| *wanted != state.partitions) {
            let (name, width) = (&plan.topic, state.partitions);
            return Err(refused(format!(
                "topic `{name}` has {width} partitions, and {wanted} would move aggregates"
            )));
        }
        if let Some(wanted) = plan.replication.filter(|wanted| *wanted != state.replication) {
            let (name, copies) = (&plan.topic, state.replication);
            let reason =
                format!("topic `{name}` has {copies} copies; reassign its partitions to have {wanted}");
            return Err(refused(reason));
        }
        let changes = differences(state, plan);
        if changes.is_empty() {
            return Ok(changes);
        }
        self.alter(plan).await?;
        let changed = |change| match change {
            TopicChange::Differs { setting, .. } => TopicChange::Changed { setting },
            other => other,
        };
        Ok(changes.into_iter().map(changed).collect())
    }

    /// The broker takes the settings of a topic as a whole: those that others made are sent again.
    async fn alter(&self, plan: &TopicPlan) -> Result<(), AdminError> {
        let (time, bytes) = limits(plan);
        let config = self.settings(&plan.topic).await?;
        let mut alter = AlterConfig::new(ResourceSpecifier::Topic(plan.topic.as_str()));
        let ours = [(RETENTION, &time), (RETENTION_BYTES, &bytes)];
        for entry in config.entries.iter().filter(|entry| entry.source == ConfigSource::DynamicTopic) {
            let kept = !ours.iter().any(|(name, value)| *name == entry.name && value.is_some());
            if let Some(value) = entry.value.as_deref().filter(|_| kept) {
                alter = alter.set(&entry.name, value);
            }
        }
        for (name, value) in ours {
            if let Some(value) = value {
                alter = alter.set(name, value);
            }
        }
        let done = self.inner.admin.alter_configs([&alter], &self.options()).await.map_err(admin_error)?;
        done.into_iter().try_for_each(|done| done.map(drop).map_err(|(_, code)| refused(code.to_string())))
    }
}

/// The limits of a plan as the broker takes them.
fn limits(plan: &TopicPlan) -> (Option<String>, Option<String>) {
    let time = plan.retention.map(|time| time.as_millis().to_string());
    (time, plan.retention_bytes.map(|bytes| bytes.to_string()))
}

fn check(plan: &TopicPlan) -> Result<(), Invalid> {
    if let Some(none @ 0) = plan.partitions {
        return Err(Invalid::new("partitions", "is at least 1", none));
    }
    if let Some(none @ 0) = plan.replication {
        return Err(Invalid::new("replication", "is at least 1", none));
    }
    if let Some(short) = plan.retention.filter(|time| time.as_millis() == 0) {
        return Err(Invalid::new("retention", "is at least 1 ms", format!("{short:?}")));
    }
    Ok(())
}

fn differences(state: &TopicState, plan: &TopicPlan) -> Vec<TopicChange> {
    let mut found = Vec::new();
    if let Some(wanted) = plan.partitions.filter(|wanted| *wanted != state.partitions) {
        found.push(differs("partitions", &wanted, &state.partitions));
    }
    if let Some(wanted) = plan.replication.filter(|wanted| *wanted != state.replication) {
        found.push(differs("replication", &wanted, &state.replication));
    }
    if let Some(wanted) = plan.retention.filter(|wanted| Some(*wanted) != state.retention) {
        let kept = state.retention.map_or(UNLIMITED.to_owned(), |time| format!("{time:?}"));
        found.push(differs("retention", &format!("{wanted:?}"), &kept));
    }
    if let Some(wanted) = plan.retention_bytes.filter(|wanted| Some(*wanted) != state.retention_bytes) {
        let kept = state.retention_bytes.map_or(UNLIMITED.to_owned(), |bytes| bytes.to_string());
        found.push(differs("retention_bytes", &wanted, &kept));
    }
    found
}

fn differs(setting: &'static str, wanted: &dyn ToString, found: &dyn ToString) -> TopicChange {
    TopicChange::Differs { setting, wanted: wanted.to_string(), found: found.to_string() }
}

fn admin_error(error: KafkaError) -> AdminError {
    use crate::lookup::may_pass;
    let reason = error.to_string();
    if may_pass(&error) {
        AdminError::Unavailable { reason, cause: Some(error.into()) }
    } else {
        refused(reason)
    }
}

const fn refused(reason: String) -> AdminError {
    AdminError::Refused { reason }
}

fn unavailable(reason: &str) -> AdminError {
    AdminError::Unavailable { reason: reason.to_owned(), cause: None }
}

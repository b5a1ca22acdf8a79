//! The port up: sessions on Kafka.

use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use laneway_domain::{
    BacklogChecker, Invalid, Monotonic, Session, SubscribeError, Subscriber, SubscriberCapabilities,
    Subscription, TopicName,
};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;

use crate::broker::KafkaBroker;
use crate::committer::{self, Committer};
use crate::context::{Consumer, Context};
use crate::holding::Holdings;
use crate::lookup;
use crate::mail::Mail;
use crate::member::{Member, Phase};
use crate::offload::offload;
use crate::rebalance::Rebalances;
use crate::run::Run;
use crate::session::KafkaSession;
use crate::topics;

/// A session is a client of its own, with a thread that owns it and one that commits. A topic has to exist.
#[async_trait]
impl Subscriber for KafkaBroker {
    fn capabilities(&self) -> &SubscriberCapabilities {
        &self.inner.subscriber
    }

    async fn open(&self, subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        check(&subscription)?;
        if self.inner.is_closed() {
            return Err(SubscribeError::Closed);
        }
        for topic in &subscription.topics {
            self.find(topic).await?;
        }
        let broker = self.clone();
        let opened = offload(move || broker.join(subscription)).await;
        let session =
            opened.unwrap_or_else(|| Err(unavailable("no thread could be had for the session", None)))?;
        Ok(Box::new(session))
    }

    fn lag(&self) -> Option<&dyn BacklogChecker> {
        Some(self)
    }
}

impl KafkaBroker {
    async fn find(&self, topic: &TopicName) -> Result<(), SubscribeError> {
        match topics::shape(&self.inner.scout, topic, self.patience()).await {
            Some(Ok(Some(_))) => Ok(()),
            Some(Ok(None)) => Err(SubscribeError::UnknownTopic(topic.clone())),
            Some(Err(error)) => Err(subscribe_error(error)),
            None => Err(unavailable("no thread could be had to ask for a topic", None)),
        }
    }

    fn join(&self, subscription: Subscription) -> Result<KafkaSession, SubscribeError> {
        let settings = self.inner.config.member(&subscription.group);
        let consumer = Consumer::from_config_and_context(&settings, Context::default());
        let mut consumer = consumer.map_err(subscribe_error)?;
        let mail = Arc::new(Mail::default());
        let woken = mail.clone();
        consumer.set_nonempty_callback(move || woken.member.wake());
        let names: Vec<_> = subscription.topics.iter().map(TopicName::as_str).collect();
        consumer.subscribe(&names).map_err(subscribe_error)?;
        let (consumer, clock) = (Arc::new(consumer), self.inner.clock.clone());
        let permission = self.inner.config.consumer.session_timeout / 2;
        let committer = Arc::new(Committer::new(permission, clock.clone(), mail.clone()));
        let name = format!("laneway-{}", subscription.group);
        let session = KafkaSession::new(mail.clone(), committer.clone(), clock.clone());
        let member = Member {
            scout: self.inner.scout.clone(),
            owned: self.inner.owned.clone(),
            rebalances: Rebalances::new(subscription.drain),
            patience: self.patience(),
            holdings: Holdings::default(),
            found: Vec::new(),
            run: Run::default(),
            connected: true,
            again: None,
            progress: Monotonic::ZERO,
            phase: Phase::Open,
            consumer: consumer.clone(),
            mail,
            committer: committer.clone(),
            clock,
            subscription,
        };
        let spawned = committer::spawn(&committer, consumer, &name)
            .and_then(|()| thread::Builder::new().name(name).spawn(move || member.run()).map(drop));
        spawned.map_err(|error| unavailable("no thread could be had for the session", Some(error)))?;
        Ok(session)
    }
}

fn unavailable(reason: &str, cause: Option<std::io::Error>) -> SubscribeError {
    SubscribeError::Unavailable { reason: reason.to_owned(), cause: cause.map(Into::into) }
}

fn subscribe_error(error: KafkaError) -> SubscribeError {
    let reason = error.to_string();
    if lookup::may_pass(&error) {
        SubscribeError::Unavailable { reason, cause: Some(error.into()) }
    } else {
        SubscribeError::Refused { reason }
    }
}

fn check(subscription: &Subscription) -> Result<(), Invalid> {
    let Subscription { topics, batch_events, batch_bytes, .. } = subscription;
    if topics.is_empty() {
        return Err(Invalid::new("topics", "has at least one topic", "none"));
    }
    if let Some((_, twice)) = topics.iter().enumerate().find(|(at, name)| topics[..*at].contains(name)) {
        return Err(Invalid::new("topics", "names no topic twice", twice));
    }
    for (field, value) in [("batch_events", *batch_events), ("batch_bytes", *batch_bytes)] {
        if value == 0 {
            return Err(Invalid::new(field, "is at least 1", value));
        }
    }
    Ok(())
}

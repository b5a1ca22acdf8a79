//! A subscription on the scripted broker.

use std::sync::Arc;

use laneway_application::consume::{Ground, OnCrash, Subscription, SubscriptionOptions, subscribe};
use laneway_domain::{Clock, DeadLetterQueue, Event, Filter, GroupId, Handler, HandlerError, handler_fn};
use laneway_memory::MemoryDeadLetters;
use laneway_testkit::SimClock;

use crate::broker::{Broker, topic};
use crate::diary::Diary;

pub(crate) struct Stage {
    pub(crate) diary: Diary,
    pub(crate) broker: Arc<Broker>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) letters: MemoryDeadLetters,
}

pub(crate) fn group() -> GroupId {
    GroupId::new("g").unwrap()
}

/// One worker, no probation, so that commits say no more than tests expect, and the rest by default.
pub(crate) fn options() -> SubscriptionOptions {
    let mut options = SubscriptionOptions::new(group(), [topic()]);
    options.crashes = OnCrash::Ignore;
    options.workers = 1;
    options
}

impl Stage {
    /// On virtual time; in a paused runtime what never happens is known at once.
    pub(crate) fn new() -> Self {
        Self::at(SimClock::shared())
    }

    pub(crate) fn at(clock: Arc<dyn Clock>) -> Self {
        Self::with(clock.clone(), Diary::new(clock))
    }

    /// With a diary whose patience runs on a clock of its own.
    pub(crate) fn with(clock: Arc<dyn Clock>, diary: Diary) -> Self {
        let broker = Arc::new(Broker::new(diary.clone()));
        Self { diary, broker, clock, letters: MemoryDeadLetters::new() }
    }

    pub(crate) async fn subscribe<H: Handler>(
        &self,
        options: SubscriptionOptions,
        handler: H,
    ) -> Subscription {
        self.subscribe_with(options, handler, Arc::new(self.letters.clone())).await
    }

    pub(crate) async fn subscribe_with<H: Handler>(
        &self,
        options: SubscriptionOptions,
        handler: H,
        letters: Arc<dyn DeadLetterQueue>,
    ) -> Subscription {
        let (subscriber, clock) = (self.broker.clone(), self.clock.clone());
        let ground = Ground { subscriber, dead_letters: Some(letters), clock };
        subscribe(ground, options, handler).await.unwrap()
    }

    /// Writes down that an event has started; one called `holds…` waits until it is freed; one that ends in `dies` dies.
    pub(crate) fn handler(&self) -> impl Handler + use<> {
        let diary = self.diary.clone();
        handler_fn(move |event: Event| {
            let diary = diary.clone();
            async move {
                let name = name(&event);
                diary.write(|page| page.started.push(name.clone()));
                if name.starts_with("holds") {
                    diary.freed(&name).await;
                }
                if name.ends_with("dies") { Err(HandlerError::fatal("no")) } else { Ok(()) }
            }
        })
    }

    pub(crate) async fn buried(&self) -> usize {
        let desk = self.letters.desk().unwrap();
        desk.list(&Filter::group(group()), None, 100).await.unwrap().len()
    }
}

pub(crate) fn name(event: &Event) -> String {
    String::from_utf8_lossy(event.payload()).into_owned()
}

//! Handlers with no broker.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use laneway_application::Bus;
use laneway_application::consume::Ground;
use laneway_application::policy::{Classifier, Next, RetryPolicy};
use laneway_domain::{
    Body, Clock, DeathCause, Envelope, ErrorClass, Event, GroupId, Handler, HandlerContext, HandlerMask,
    PartitionNumber, Position, Received, Run, Session, SubscribeError, Subscriber, SubscriberCapabilities,
    Subscription,
};

use super::difference::shown;
use super::outbox::{Noting, Nowhere, Outbox};
use super::then::{Outcome, Then};
use crate::clock::SimClock;

/// A handler, and what it has handled so far; see [`Given::handler`].
///
/// Whatever is a [`Handler`] fits: a closure, a typed function, an event router, blocking code, batches, and layers around
/// them. Events get an id and a time as if they had been published.
pub struct Given<H> {
    handler: H,
    bus: Bus,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    events: Vec<Envelope>,
    group: GroupId,
    classifier: Classifier,
    retry: RetryPolicy,
    processing_timeout: Duration,
    attempt: u32,
    position: u64,
}

impl<H: Handler> Given<H> {
    /// A handler that has handled nothing. Call it inside a tokio runtime with time.
    ///
    /// ```
    /// use laneway_domain::{Envelope, Event, HandlerError, TopicName, handler_fn};
    /// use laneway_testkit::testing::Given;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let event = |payload: &'static str| Envelope::new(TopicName::from_static("orders"), payload);
    /// let handler = || {
    ///     handler_fn(|event: Event| async move {
    ///         match event.payload().len() {
    ///             0 => Err(HandlerError::fatal("an order without content")),
    ///             1 => Err(HandlerError::retryable("the database is away")),
    ///             _ => Ok(()),
    ///         }
    ///     })
    /// };
    /// Given::handler(handler()).given([event("first")]).when(event("second")).await.then_ok();
    /// Given::handler(handler()).when(event("2")).await.then_retries();
    /// Given::handler(handler()).when(event("")).await.then_dead("without content");
    /// # }
    /// ```
    #[must_use]
    pub fn handler(handler: H) -> Self {
        Self::publishing(|_| handler)
    }

    /// A handler that publishes: it is made with a bus that takes everything and has no subscribers.
    ///
    /// ```
    /// use laneway_domain::{Envelope, Event, TopicName, handler_fn};
    /// use laneway_testkit::testing::Given;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let event = |topic, payload: &'static str| Envelope::new(TopicName::from_static(topic), payload);
    /// let handler = |bus: laneway_application::Bus| {
    ///     handler_fn(move |_: Event| {
    ///         let (bus, bill) = (bus.clone(), event("bills", "1250"));
    ///         async move {
    ///             bus.publish(bill).await?;
    ///             Ok(())
    ///         }
    ///     })
    /// };
    /// let then = Given::publishing(handler).when(event("orders", "order 42")).await;
    /// then.then_ok().then_published([event("bills", "1250")]);
    /// # }
    /// ```
    #[must_use]
    pub fn publishing(make: impl FnOnce(Bus) -> H) -> Self {
        let (outbox, clock) = (Outbox::default(), SimClock::shared());
        let publisher = Noting { inner: Nowhere::default(), outbox: outbox.clone() };
        let ground = Ground { subscriber: Arc::new(NoBroker), dead_letters: None, clock: clock.clone() };
        let bus = Bus::new(Arc::new(publisher), ground);
        Self {
            handler: make(bus.clone()),
            bus,
            outbox,
            clock,
            events: Vec::new(),
            group: GroupId::new("given").unwrap_or_else(|_| unreachable!("letters")),
            classifier: Classifier::default(),
            retry: RetryPolicy::default(),
            processing_timeout: Duration::from_secs(30),
            attempt: 1,
            position: 0,
        }
    }

    /// Handles these events before: each has to succeed at its first attempt. What they publish is forgotten.
    #[must_use]
    pub fn given(mut self, events: impl IntoIterator<Item = Envelope>) -> Self {
        self.events.extend(events);
        self
    }

    /// Sets the group that the handler sees; `given` unless said.
    #[must_use]
    pub fn group(mut self, group: GroupId) -> Self {
        self.group = group;
        self
    }

    /// Sets which errors are worth another attempt, as the subscription has it.
    #[must_use]
    pub fn classifier(mut self, classifier: Classifier) -> Self {
        self.classifier = classifier;
        self
    }

    /// Sets how often failures are tried again, as the subscription has it.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the time that an attempt may take; 30 s unless said.
    #[must_use]
    pub fn processing_timeout(mut self, time: Duration) -> Self {
        self.processing_timeout = time;
        self
    }

    /// Sets which attempt comes next, from 1: the ones before failed.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Runs one attempt at an event.
    ///
    /// # Panics
    /// Where an event that was given before did not succeed, or the event breaks a rule of publishing.
    pub async fn when(mut self, event: Envelope) -> Then<H> {
        for (before, earlier) in std::mem::take(&mut self.events).into_iter().enumerate() {
            let (earlier, outcome) = self.run(earlier, 1).await;
            let words = || {
                format!("event {} that was given before: {outcome}\n  event: {}", before + 1, shown(&earlier))
            };
            assert!(outcome == Outcome::Handled, "{}", words());
        }
        let attempt = std::mem::replace(&mut self.attempt, 1);
        let (event, outcome) = self.run(event, attempt).await;
        let published = self.outbox.take();
        Then { given: self, event, attempt, outcome, published }
    }

    async fn run(&mut self, event: Envelope, attempt: u32) -> (Event, Outcome) {
        let event = self.delivered(event).await;
        let outcome = match self.failure(&event, attempt).await {
            None => Outcome::Handled,
            Some((class, errors)) => match self.retry.next(attempt, class, 0) {
                Next::After(_) => Outcome::Retries { errors },
                Next::Exhausted => Outcome::Dead { cause: DeathCause::Exhausted, errors },
                Next::Fatal => Outcome::Dead { cause: DeathCause::Fatal, errors },
            },
        };
        (event, outcome)
    }

    /// How an attempt fails, as a subscription would take it.
    async fn failure(&self, event: &Event, attempt: u32) -> Option<(ErrorClass, Vec<String>)> {
        let context = HandlerContext { group: &self.group, attempt, due: HandlerMask::ALL };
        let run = AssertUnwindSafe(async { self.handler.handle(event, &context).await }).catch_unwind();
        let over = self.clock.wake_at(self.clock.monotonic() + self.processing_timeout);
        let retried = |text: String| Some((ErrorClass::Retryable, vec![text]));
        match select(pin!(run), over).await {
            Either::Left((Ok(Ok(())), _)) => None,
            Either::Left((Ok(Err(error)), _)) => {
                Some((self.classifier.class_of(&error), laneway_domain::chain(error.cause())))
            }
            Either::Left((Err(panic), _)) => retried(format!("panic: {}", words(&*panic))),
            Either::Right(_) => retried("it took longer than its processing time".to_owned()),
        }
    }

    /// The event as a worker would hand it over: stamped and checked by the publish path.
    async fn delivered(&mut self, event: Envelope) -> Event {
        let line = shown(&event);
        self.outbox.take();
        if let Err(error) = self.bus.publish(event).await {
            panic!("the event cannot be published: {error}\n  event: {line}");
        }
        let Some(stamped) = self.outbox.take().pop() else { unreachable!("it was published") };
        self.position += 1;
        let (position, appended) = (Position::new(self.position), self.clock.wall());
        let row = Received { position, appended, body: Body::Event(stamped) };
        Event::new(
            Arc::new(Run { rows: vec![row].into(), partition: PartitionNumber(0), redriven: false }),
            0,
        )
    }
}

/// What a panic said.
pub(super) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

impl<H> std::fmt::Debug for Given<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given")
            .field("group", &self.group)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// Nobody subscribes where there is no broker.
struct NoBroker;

#[async_trait]
impl Subscriber for NoBroker {
    fn capabilities(&self) -> &SubscriberCapabilities {
        const NONE: SubscriberCapabilities =
            SubscriberCapabilities { partitions: false, state_bytes: 0, fences: false, replays: false };
        &NONE
    }

    async fn open(&self, _subscription: Subscription) -> Result<Box<dyn Session>, SubscribeError> {
        let reason = "`Given` has no broker; take a `TestBus` to subscribe".to_owned();
        Err(SubscribeError::Refused { reason })
    }
}

//! The session, over its deaths: opened, lost, opened again.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use laneway_domain::{
    BoxFuture, Clock, ErrorClass, Monotonic, Session, SessionError, SessionEvent, SubscribeError, Subscriber,
    Subscription, Timer,
};

use crate::policy::{Next, RetryPolicy};

type Opening = BoxFuture<Result<Box<dyn Session>, SubscribeError>>;

/// A session that is opened again when it fails.
pub(crate) struct Link {
    subscriber: Arc<dyn Subscriber>,
    subscription: Subscription,
    clock: Arc<dyn Clock>,
    timer: Timer,
    state: State,
    failures: u32,
}

enum State {
    Open(Box<dyn Session>),
    Waiting(Monotonic),
    Opening(Opening),
    Ended,
}

/// What the link says beside the session's own events.
pub(crate) enum LinkEvent {
    /// From the session.
    Session(SessionEvent),
    /// A new session is open; nothing of the old one holds.
    Reopened,
    /// There will be no further session.
    Ended(String),
}

/// How long to wait before a session is opened again: quickly at first, and never longer than 10 s.
const BACKOFF: RetryPolicy = RetryPolicy {
    max_retries: u32::MAX,
    initial_interval: Duration::from_millis(100),
    max_interval: Duration::from_secs(10),
    multiplier: 2.0,
    jitter: 0.2,
};

impl Link {
    /// Opens the first session.
    pub(crate) async fn open(
        subscriber: Arc<dyn Subscriber>,
        subscription: Subscription,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SubscribeError> {
        let session = subscriber.open(subscription.clone()).await?;
        let timer = Timer::new(clock.clone());
        Ok(Self { subscriber, subscription, clock, timer, state: State::Open(session), failures: 0 })
    }

    /// The session, where one is open.
    pub(crate) fn session(&mut self) -> Option<&mut dyn Session> {
        match &mut self.state {
            State::Open(session) => Some(&mut **session),
            _ => None,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LinkEvent> {
        loop {
            match &mut self.state {
                State::Open(session) => return session.poll_next(cx).map(|event| self.heard(event)),
                State::Waiting(until) => {
                    let until = *until;
                    std::task::ready!(self.timer.poll(cx, until));
                    let (subscriber, subscription) = (self.subscriber.clone(), self.subscription.clone());
                    self.state = State::Opening(Box::pin(async move { subscriber.open(subscription).await }));
                }
                State::Opening(opening) => match std::task::ready!(opening.as_mut().poll(cx)) {
                    Ok(session) => {
                        self.state = State::Open(session);
                        return Poll::Ready(LinkEvent::Reopened);
                    }
                    Err(error) if error.is_retryable() => self.back_off(&error),
                    Err(error) => {
                        self.state = State::Ended;
                        return Poll::Ready(LinkEvent::Ended(error.to_string()));
                    }
                },
                State::Ended => return Poll::Pending,
            }
        }
    }

    /// Leaves without a word, and opens a new session: only the broker can say again what is ours.
    pub(crate) fn reopen(&mut self, error: &SessionError) {
        if self.session().is_some() {
            self.back_off(error);
        }
    }

    fn heard(&mut self, event: SessionEvent) -> LinkEvent {
        match &event {
            SessionEvent::Failed(error @ SessionError { reopen: true, .. }) => self.back_off(error),
            SessionEvent::Failed(_) | SessionEvent::Closed => self.state = State::Ended,
            SessionEvent::Assigned(_) => self.failures = 0,
            _ => {}
        }
        LinkEvent::Session(event)
    }

    fn back_off(&mut self, error: &dyn std::error::Error) {
        self.failures += 1;
        tracing::warn!(group = %self.subscription.group, %error, failures = self.failures, "no session; it is opened again");
        let Next::After(wait) = BACKOFF.next(self.failures, ErrorClass::Retryable, u64::from(self.failures))
        else {
            unreachable!("the back-off never gives up");
        };
        self.state = State::Waiting(self.clock.monotonic() + wait);
    }
}

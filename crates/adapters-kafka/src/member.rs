//! The thread that owns a consumer: it polls, answers rebalances in order, and reads.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use laneway_domain::{Clock, ConnectionChange, Monotonic, SessionError, SessionEvent, Subscription};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::committer::Committer;
use crate::context::Consumer;
use crate::holding::Holdings;
use crate::lookup::Standing;
use crate::mail::{Mail, Order};
use crate::owned::Owned;
use crate::place::Place;
use crate::rebalance::{Deed, Rebalances};
use crate::run::Run;

/// A member of a group at work.
pub(crate) struct Member {
    pub(crate) consumer: Arc<Consumer>,
    /// A client without a group, which answers fast while the other one waits for records.
    pub(crate) scout: Arc<BaseConsumer>,
    pub(crate) owned: Arc<Owned>,
    pub(crate) mail: Arc<Mail>,
    pub(crate) committer: Arc<Committer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) subscription: Subscription,
    /// How long one question to the broker may take.
    pub(crate) patience: Duration,
    pub(crate) rebalances: Rebalances,
    pub(crate) holdings: Holdings,
    pub(crate) found: Vec<Standing>,
    pub(crate) run: Run,
    pub(crate) connected: bool,
    /// Partitions that are looked up again at this time.
    pub(crate) again: Option<(Monotonic, Vec<Place>)>,
    pub(crate) progress: Monotonic,
    pub(crate) phase: Phase,
}

/// Whether the member goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// The last commit of the session is under way.
    Closing(Monotonic),
    Over(Ending),
}

/// What is said at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    /// Its end has been said, or nobody listens.
    Silent,
}

/// How often positions without records are looked for.
const PROGRESS: Duration = Duration::from_millis(100);
/// How long the thread waits where nothing wakes it.
const NAP: Duration = Duration::from_millis(100);

impl Member {
    /// Works until the session ends, then closes the client.
    pub(crate) fn run(mut self) {
        self.mail.member.here();
        let mut deeds = Vec::new();
        while !matches!(self.phase, Phase::Over(_)) {
            self.poll(&mut deeds);
            self.obey(&mut deeds);
            self.tick(&mut deeds);
            self.carry_out(&mut deeds);
            let read = self.read();
            self.watch_progress();
            if !read && self.mail.is_quiet() && !matches!(self.phase, Phase::Over(_)) {
                self.nap();
            }
        }
        self.leave();
    }

    fn nap(&self) {
        let now = self.clock.monotonic();
        let again = self.again.as_ref().map_or(Monotonic::NEVER, |(at, _)| *at);
        let closing = if let Phase::Closing(at) = self.phase { at } else { Monotonic::NEVER };
        let due = self.rebalances.due().min(again).min(closing);
        thread::park_timeout(due.since(now).min(NAP));
    }

    /// Lets the client speak. A poll that ran a callback returns as if there was nothing, so it is asked again.
    fn poll(&mut self, deeds: &mut Vec<Deed>) {
        loop {
            let served = self.consumer.context().served();
            match self.consumer.poll(Duration::ZERO) {
                // A record from before its partition had a queue of its own: nobody has begun to read it.
                Some(Ok(_)) => {}
                Some(Err(error)) => self.failed(&error),
                None if self.consumer.context().served() == served => break,
                None => {}
            }
        }
        let now = self.clock.monotonic();
        for said in self.consumer.context().said() {
            tracing::debug!(?said, "the group changes");
            self.rebalances.said(said, now, deeds);
        }
        for trouble in self.consumer.context().troubles() {
            if trouble.code == Some(Code::AllBrokersDown) {
                self.down(&trouble.reason);
            }
        }
    }

    /// An error that belongs to no partition.
    fn failed(&mut self, error: &KafkaError) {
        let over = match error {
            KafkaError::MessageConsumptionFatal(_) => Some(true),
            _ => match error.rdkafka_error_code() {
                Some(
                    Code::GroupAuthorizationFailed
                    | Code::TopicAuthorizationFailed
                    | Code::SaslAuthenticationFailed
                    | Code::Authentication,
                ) => Some(false),
                Some(Code::AllBrokersDown) => {
                    self.down(&error.to_string());
                    None
                }
                _ => None,
            },
        };
        match over {
            Some(reopen) => self.fail(error, reopen),
            None => tracing::debug!(%error, "the client reports an error and goes on"),
        }
    }

    /// The session ends by itself.
    pub(crate) fn fail(&mut self, error: &KafkaError, reopen: bool) {
        self.mail.post(SessionEvent::Failed(SessionError { reason: error.to_string(), reopen }));
        self.phase = Phase::Over(Ending::Silent);
    }

    fn down(&mut self, reason: &str) {
        if std::mem::replace(&mut self.connected, false) {
            let change = ConnectionChange::Down { reason: reason.to_owned() };
            self.mail.post(SessionEvent::Connection(change));
        }
    }

    pub(crate) fn up(&mut self) {
        if !std::mem::replace(&mut self.connected, true) {
            self.mail.post(SessionEvent::Connection(ConnectionChange::Up));
        }
    }

    fn tick(&mut self, deeds: &mut Vec<Deed>) {
        let now = self.clock.monotonic();
        self.rebalances.tick(now, deeds);
        if let Some((_, places)) = self.again.take_if(|(at, _)| *at <= now) {
            self.look_up(places);
        }
        if let Phase::Closing(at) = self.phase
            && at <= now
        {
            self.phase = Phase::Over(Ending::Closed);
        }
    }

    fn watch_progress(&mut self) {
        let now = self.clock.monotonic();
        if now >= self.progress {
            self.progress = now + PROGRESS;
            self.say_progress();
        }
    }

    fn obey(&mut self, deeds: &mut Vec<Deed>) {
        for order in self.mail.orders() {
            let now = self.clock.monotonic();
            match order {
                Order::Start { partition, epoch, from } => self.start(partition, epoch, from),
                Order::Release { revocation, last } => {
                    if self.rebalances.released(revocation, now) {
                        self.committer.commit_last(last, Some(revocation));
                    }
                }
                Order::Close { last, deadline } => {
                    self.phase = Phase::Closing(deadline);
                    self.committer.commit_last(last, None);
                }
                Order::Abandon => self.phase = Phase::Over(Ending::Silent),
                Order::Found(found) => self.found(found, now, deeds),
                Order::Left(place, left) => self.left(&place, left),
                Order::Committed(Some(revocation)) => self.rebalances.committed(revocation, now, deeds),
                Order::Committed(None) => self.phase = Phase::Over(Ending::Closed),
                Order::Expelled => self.rebalances.expelled(now, deeds),
                Order::Reached => self.up(),
            }
        }
    }

    /// Leaves the group. The client answers rebalances by itself while it closes, and is gone when the last of its
    /// threads has let it go.
    fn leave(mut self) {
        self.consumer.context().close();
        self.committer.stop();
        let group = &self.subscription.group;
        self.holdings.iter().for_each(|holding| self.owned.remove(group, &holding.standing.place));
        self.holdings.clear();
        drop(self.consumer);
        if self.phase == Phase::Over(Ending::Closed) {
            self.mail.post(SessionEvent::Closed);
        }
    }
}

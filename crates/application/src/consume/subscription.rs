//! Subscribing, and the handle of a subscription.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use laneway_domain::{
    AfterDeadLetter, Clock, DeadLetterQueue, GroupId, Handler, OwnerId, SubscribeError, Subscriber,
    Subscription as Request, Timer, TopicName, Unsupported,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use super::crew::Crew;
use super::drains::Drains;
use super::gate::Gate;
use super::health::{Condition, RunPhase, SubscriptionHealth};
use super::link::Link;
use super::r#loop::Loop;
use super::message::Control;
use super::options::{ConfigError, SubscriptionOptions};
use super::permits::Permits;
use super::probation::Probations;
use super::shared::Shared;
use super::siblings::Siblings;
use super::stats::{Counters, LaneDetail, SubscriptionStats};
use crate::backlog::{BacklogWatch, CallbackCounts, Sentry};
use crate::calls::Counters as CallCounters;
use crate::dead_letter::Burials;
use crate::ledger::Ledger;
use crate::parking::Lots;
use crate::policy::{Breaker, Commits, Credit, Quotas};
use crate::recovery::{
    Driver, Gauges, Precedence, Priority, RecoveryStats, SwitchRefused, Transition, Wish, counts, give_way,
};

/// What a subscription stands on.
#[derive(Clone)]
pub struct Ground {
    /// The way up from the broker.
    pub subscriber: Arc<dyn Subscriber>,
    /// Where events go that give up; without it none may, and their lanes wait.
    pub dead_letters: Option<Arc<dyn DeadLetterQueue>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Why a subscription did not begin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// Settings break rules.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings need something that an adapter cannot do.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The broker did not open a session.
    #[error(transparent)]
    Open(#[from] SubscribeError),
    /// This bus has a subscription of that group to that topic already: two of them would run one aggregate twice.
    #[error(
        "group `{group}` is subscribed to topic `{topic}` in this bus already: raise `max_in_flight` for more at once, use another group for another reader, or an event router for several handlers"
    )]
    Twice {
        /// The group.
        group: GroupId,
        /// The topic.
        topic: TopicName,
    },
    /// The bus is closed.
    #[error("the bus is closed")]
    Closed,
}

/// A running subscription. Clones are handles of the same one; dropping them leaves it running.
#[derive(Clone)]
pub struct Subscription {
    group: GroupId,
    topics: Arc<[TopicName]>,
    shared: Arc<Shared>,
    control: mpsc::UnboundedSender<Control>,
    health: watch::Receiver<SubscriptionHealth>,
    recovery: Option<Recovering>,
}

/// A handle's end of the recovery.
#[derive(Clone)]
struct Recovering {
    wishes: mpsc::UnboundedSender<Wish>,
    counters: Arc<CallCounters>,
}

/// Opens a session and starts a loop and its workers on the runtime that runs this.
///
/// # Errors
/// All faults of the options at once, or why the broker opened no session.
///
/// # Cancel safety
/// Dropping the future before it is ready leaves nothing behind.
pub async fn subscribe<H: Handler>(
    ground: Ground,
    options: SubscriptionOptions,
    handler: H,
) -> Result<Subscription, SubscriptionError> {
    subscribe_among(&Siblings::default(), ground, options, handler).await
}

/// The same, beside others of one bus.
pub(crate) async fn subscribe_among<H: Handler>(
    siblings: &Siblings,
    ground: Ground,
    options: SubscriptionOptions,
    handler: H,
) -> Result<Subscription, SubscriptionError> {
    ConfigError::check(options.faults())?;
    let Ground { subscriber, dead_letters, clock } = ground;
    let parks = dead_letters.as_ref().is_some_and(|store| store.parking().is_some());
    let after = options.after(parks)?;
    if options.recovery.is_some() && subscriber.lag().is_none() {
        return Err(Unsupported::new("`recovery`", "tells the lag of groups").into());
    }
    let state_bytes = subscriber.capabilities().state_bytes;
    let probation = options.crashes.probation(state_bytes)?;
    let link = Link::open(subscriber.clone(), request(&options), clock.clone()).await?;
    let topics: Arc<[TopicName]> = options.topics.clone().into();
    let shared = Arc::new(share(&options, clock.clone(), after, parks));
    let crew = Crew::start(&Arc::new(handler), &shared, options.workers);
    let (control, controlled) = mpsc::unbounded_channel();
    let (condition, health) = Condition::new();
    let probations = Probations::new(probation, siblings.vigil.join(shared.clone(), control.clone()));
    let run = Loop {
        shared: shared.clone(),
        link,
        ledger: Ledger::default(),
        credit: Credit::new(options.buffer),
        crew,
        drains: Drains::default(),
        burials: Burials::new(dead_letters.clone(), clock.clone(), options.store_timeout),
        lots: Lots::new(
            dead_letters,
            owner(&shared),
            clock.clone(),
            options.redrive_poll,
            options.store_timeout,
            probations.counting(),
        ),
        probations,
        commits: Commits::new(options.commit),
        refusals: BTreeMap::new(),
        breaker: options.breaker.map(Breaker::new),
        draining: None,
        state_bytes,
        condition,
        control: controlled,
        inbox: Vec::new(),
        flows: Vec::new(),
        now: clock.monotonic(),
        timer: Timer::new(clock),
        closing: None,
        ended: false,
        reason: None,
        left: false,
    };
    let lag = (subscriber, BacklogWatch { group: options.group.clone(), topics: options.topics.clone() });
    if let Some(watchdog) = options.watchdog.clone() {
        let sentry = Sentry::new(watchdog, &shared, health.clone(), lag.clone(), control.clone());
        tokio::spawn(sentry.run());
    }
    let recovery = begin_recovery(&options, &shared, lag, &control, &siblings.precedence);
    tokio::spawn(run.run());
    Ok(Subscription { group: options.group, topics, shared, control, health, recovery })
}

/// Starts what stands beside the loop, as far as it is asked for.
fn begin_recovery(
    options: &SubscriptionOptions,
    shared: &Arc<Shared>,
    lag: (Arc<dyn Subscriber>, BacklogWatch),
    control: &mpsc::UnboundedSender<Control>,
    precedence: &Precedence,
) -> Option<Recovering> {
    if let Priority::Low(pause) = options.priority {
        let (control, precedence, shared, lag) =
            (control.clone(), precedence.clone(), shared.clone(), lag.clone());
        tokio::spawn(async move { give_way(pause, shared, lag, &precedence, control.closed()).await });
    }
    let recovery = options.recovery.clone()?;
    let (wishes, wished) = mpsc::unbounded_channel();
    let leads = (options.priority == Priority::Normal).then(|| precedence.clone());
    let ends = (control.clone(), wished);
    let driver = Driver::new(recovery, options.max_in_flight, shared, lag, ends, leads);
    let counters = driver.counters();
    tokio::spawn(driver.run());
    Some(Recovering { wishes, counters })
}

fn request(options: &SubscriptionOptions) -> Request {
    Request {
        group: options.group.clone(),
        topics: options.topics.clone(),
        start: options.start,
        batch_events: options.batch_events,
        batch_bytes: options.batch_bytes,
        drain: options.drain,
    }
}

/// The name under which this subscription claims what is parked.
fn owner(shared: &Shared) -> OwnerId {
    let name = format!("bus-{}-{:016x}", std::process::id(), shared.seed);
    OwnerId::new(name).unwrap_or_else(|_| unreachable!("letters, digits and dashes"))
}

pub(super) fn share(
    options: &SubscriptionOptions,
    clock: Arc<dyn Clock>,
    after: AfterDeadLetter,
    parks: bool,
) -> Shared {
    Shared {
        group: options.group.clone(),
        clock,
        codec: options.codec.clone(),
        router: options.router.clone(),
        ordering: options.ordering,
        classifier: options.classifier.clone(),
        hooks: options.hooks.clone(),
        retry: options.retry,
        processing_timeout: options.processing_timeout,
        after_dead_letter: after,
        breaks: options.breaker.is_some(),
        parks,
        hold: options.hold,
        lane_capacity: options.lane_capacity,
        quotas: Arc::new(Quotas::new(options.flow.clone())),
        seed: options.seed.unwrap_or_else(rand::random),
        gate: Gate::new(),
        permits: Permits::new(options.max_in_flight, options.workers),
        gauges: Gauges::new(options.workers),
        at_work: AtomicUsize::new(0),
        counters: Counters::new(options.workers),
    }
}

impl Subscription {
    /// The group.
    #[must_use]
    pub fn group(&self) -> &GroupId {
        &self.group
    }

    /// The topics.
    #[must_use]
    pub fn topics(&self) -> &[TopicName] {
        &self.topics
    }

    /// Figures so far; counted in batches, so a moment behind.
    #[must_use]
    pub fn stats(&self) -> SubscriptionStats {
        let Shared { counters, gauges, permits, .. } = &*self.shared;
        let recovery = RecoveryStats {
            mode: gauges.mode(),
            concurrency: permits.limit(),
            behind: gauges.behind(),
            eta: gauges.eta(),
            paused: permits.is_paused(),
        };
        SubscriptionStats { recovery, ..counters.stats() }
    }

    /// Begins a recovery by hand; it ends as any other, by clean checks or by hand.
    ///
    /// # Errors
    /// Where one is under way, where the last one has just ended, or where the subscription does not recover.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the wish standing.
    pub async fn recover(&self) -> Result<Transition, SwitchRefused> {
        self.wish(true).await
    }

    /// Ends a recovery by hand: what was read meanwhile is handled first.
    ///
    /// # Errors
    /// Where there is none, or where it has just begun.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the wish standing.
    pub async fn end_recovery(&self) -> Result<Transition, SwitchRefused> {
        self.wish(false).await
    }

    async fn wish(&self, begin: bool) -> Result<Transition, SwitchRefused> {
        let recovery = self.recovery.as_ref().ok_or(SwitchRefused::Off)?;
        let (answer, answered) = oneshot::channel();
        recovery.wishes.send(Wish { begin, answer }).map_err(|_| SwitchRefused::Ended)?;
        answered.await.unwrap_or(Err(SwitchRefused::Ended))
    }

    /// How calls of the recovery's callbacks ended.
    #[must_use]
    pub fn recovery_callbacks(&self) -> CallbackCounts {
        counts(self.recovery.as_ref().map(|recovery| &recovery.counters))
    }

    /// Waits until the figures are as asked, or the subscription has ended; the figures then.
    ///
    /// ```
    /// # use laneway_application::consume::Subscription;
    /// # async fn example(orders: Subscription) {
    /// let stats = orders.wait_until(|stats| stats.handled >= 1_000).await;
    /// assert!(stats.handled >= 1_000 || orders.has_ended());
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_until(&self, mut is_met: impl FnMut(&SubscriptionStats) -> bool) -> SubscriptionStats {
        let met = || Some(self.stats()).filter(|stats| is_met(stats));
        match select(pin!(self.shared.counters.bell.wait(met)), pin!(self.ended())).await {
            Either::Left((stats, _)) => stats,
            Either::Right(_) => self.stats(),
        }
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> SubscriptionHealth {
        self.health.borrow().clone()
    }

    /// A view of the health that changes with it.
    #[must_use]
    pub fn watch_health(&self) -> watch::Receiver<SubscriptionHealth> {
        self.health.clone()
    }

    /// What the lanes do right now, at most `limit` of each worker.
    pub async fn lanes(&self, limit: usize) -> Vec<LaneDetail> {
        let (answer, mut answers) = mpsc::unbounded_channel();
        let mut all = Vec::new();
        if self.control.send(Control::Inspect { limit, answer }).is_ok() {
            while let Some(details) = answers.recv().await {
                all.extend(details);
            }
        }
        all
    }

    /// Stops: no handler starts from now on, running ones may end until shortly before the deadline, what is finished is
    /// committed, the group is left. Ready at the deadline at the latest. A second call with less time hurries the first.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the stop under way.
    pub async fn close(&self, within: Duration) {
        self.shared.gate.stop();
        let deadline = self.shared.clock.monotonic() + within;
        // A loop that has ended is closed already.
        let _ = self.control.send(Control::Close { deadline });
        self.ended().await;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.health.borrow().phase, RunPhase::Ended(_)) || self.health.has_changed().is_err()
    }

    /// Whether it has ended and nothing of it runs any more, not even a handler that cannot be cancelled.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.has_ended() && self.shared.at_work.load(Ordering::Acquire) == 0
    }

    /// Waits until the subscription has ended, whoever ended it; the reason, if nobody asked for it.
    pub async fn ended(&self) -> Option<String> {
        let mut health = self.health.clone();
        let ended = health.wait_for(|health| matches!(health.phase, RunPhase::Ended(_))).await;
        match ended.as_deref().map(|health| &health.phase) {
            Ok(RunPhase::Ended(reason)) => reason.clone(),
            _ => Some("the loop is gone".to_owned()),
        }
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("group", &self.group)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

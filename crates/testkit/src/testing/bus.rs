//! A whole service on an adapter and a virtual clock.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use laneway_application::Bus;
use laneway_application::consume::{Ground, Subscription, SubscriptionError, SubscriptionOptions};
use laneway_domain::{
    DeadLetter, Envelope, Event, Filter, GroupId, Handler, Invalid, Monotonic, StoredLetter,
};

use super::outbox::{Noting, Outbox};
use super::quiet::{NotQuiet, UnderWay, of_backlog, of_store, of_subscription};
use super::witness::{Diary, Ended, Handling, Witnessed};
use crate::conformance::Adapter;
use crate::faults::{FaultPlan, Faults, FaultyDeadLetters, FaultyPublisher, FaultySubscriber};

/// A bus that shows what it does: what was published, what was handled, what is dead, and when nothing happens any more.
/// It dereferences to the [`Bus`] that a service is given.
///
/// Where the faults of a plan strike, a test that panics says from which seed they were drawn.
pub struct TestBus {
    bus: Bus,
    adapter: Adapter,
    faults: Faults,
    outbox: Outbox,
    diary: Diary,
    _told: Arc<Seed>,
}

impl TestBus {
    /// How long [`await_quiet`](Self::await_quiet) waits, on the bus's clock: longer than the waits of the default retry
    /// policy and of `hold` together, and no time on a virtual clock.
    pub const PATIENCE: Duration = Duration::from_secs(3_600);

    /// A bus on these ports, with the faults of a plan in front of them.
    ///
    /// # Errors
    /// Every rule that the plan breaks.
    pub fn on(adapter: Adapter, plan: FaultPlan) -> Result<Self, Vec<Invalid>> {
        let told = Arc::new(Seed(plan.may_strike().then_some(plan.seed)));
        let faults = Faults::new(plan, adapter.clock.clone())?;
        let (outbox, diary) = (Outbox::default(), Diary::default());
        let bus = assembled(&adapter, &faults, &outbox);
        Ok(Self { bus, adapter, faults, outbox, diary, _told: told })
    }

    /// Another process on the same broker and store: a second member of its groups, or the one that comes after a
    /// restart. What is published and handled through either is seen through both.
    #[must_use]
    pub fn another(&self) -> Self {
        let bus = assembled(&self.adapter, &self.faults, &self.outbox);
        let (adapter, faults) = (self.adapter.clone(), self.faults.clone());
        let (outbox, diary, told) = (self.outbox.clone(), self.diary.clone(), self._told.clone());
        Self { bus, adapter, faults, outbox, diary, _told: told }
    }

    /// The bus that a service is given.
    #[must_use]
    pub const fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Subscribes a handler whose runs are written down. One that subscribes through [`Bus`] is waited for as well, and its
    /// runs are not seen.
    ///
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn subscribe<H: Handler>(
        &self,
        mut options: SubscriptionOptions,
        handler: H,
    ) -> Result<Subscription, SubscriptionError> {
        // The spread of lanes over workers, and the jitter of waits: the same in every run.
        options.seed = options.seed.or(Some(self.faults.plan().seed));
        self.bus.subscribe(options, Witnessed { handler, diary: self.diary.clone() }).await
    }

    /// Publishes events, in order, and those without an acknowledgement again until they have one, as far as that can
    /// help: a broker that lost an answer then holds an event twice.
    ///
    /// # Errors
    /// What became of the first event that cannot be published.
    pub async fn deliver(
        &self,
        events: impl IntoIterator<Item = Envelope>,
    ) -> Result<(), laneway_domain::PublishError> {
        for event in events {
            loop {
                match self.bus.publish(event.clone()).await {
                    Ok(_) => break,
                    Err(error) if error.is_retryable() => self.advance(AGAIN).await,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Everything that was published and that the broker took, in order.
    #[must_use]
    pub fn published(&self) -> Vec<Envelope> {
        self.outbox.all()
    }

    /// Every run of a handler, in the order of their starts.
    #[must_use]
    pub fn handlings(&self) -> Vec<Handling> {
        self.diary.all()
    }

    /// The events that handlers of a group succeeded with, in the order of their starts.
    #[must_use]
    pub fn handled(&self, group: &GroupId) -> Vec<Event> {
        let theirs = |run: &Handling| run.group == *group && run.ended == Some(Ended::Handled);
        self.diary.all().into_iter().filter(theirs).map(|run| run.event).collect()
    }

    /// The dead letters of a group.
    pub async fn dead(&self, group: &GroupId) -> Vec<DeadLetter> {
        self.stored(group).await.into_iter().filter_map(StoredLetter::into_dead).collect()
    }

    /// All that waits in the dead-letter store for a group: dead letters, what came behind them, and what waits for its
    /// next attempt.
    pub async fn stored(&self, group: &GroupId) -> Vec<StoredLetter> {
        let Some(desk) = self.adapter.dead_letters.desk() else { return Vec::new() };
        desk.list(&Filter::group(group.clone()), None, usize::MAX).await.unwrap_or_default()
    }

    /// Lets time pass: what is due until then happens.
    pub async fn advance(&self, time: Duration) {
        self.adapter.clock.wake_at(self.now() + time).await;
    }

    /// Ends the faults: none strikes from now on.
    pub fn calm(&self) {
        self.faults.calm();
    }

    /// The faults, to see how often each struck.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Waits until nothing runs, nothing waits for its time, and everything is committed. What is dead or waits behind a
    /// dead letter waits for an operator, and is quiet. Time passes to whatever is due, and up to two seconds beyond.
    ///
    /// # Errors
    /// What is still under way after [`Self::PATIENCE`]: a handler that hangs, a lane that is blocked.
    pub async fn await_quiet(&self) -> Result<(), NotQuiet> {
        self.await_quiet_within(Self::PATIENCE).await
    }

    /// The same, for so long.
    ///
    /// # Errors
    /// What is still under way then.
    pub async fn await_quiet_within(&self, patience: Duration) -> Result<(), NotQuiet> {
        let mut before = None;
        let quiet = async || {
            let pulse = (self.diary.pulse(), self.bus.published());
            let still = self.under_way().await.is_empty() && before == Some(pulse);
            before = Some(pulse);
            still.then_some(())
        };
        self.until(patience, quiet).await
    }

    /// Looks until there is something to see, less and less often.
    pub(super) async fn until<T>(
        &self,
        patience: Duration,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, NotQuiet> {
        let (began, mut pause) = (self.now(), FIRST_LOOK);
        loop {
            self.advance(pause).await;
            if let Some(seen) = look().await {
                return Ok(seen);
            }
            let waited = self.now().since(began);
            if waited >= patience {
                return Err(NotQuiet { waited, under_way: self.under_way().await });
            }
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    /// What keeps the bus from being quiet; nothing where it may be.
    pub async fn under_way(&self) -> Vec<UnderWay> {
        let sending = self.bus.sending();
        let mut all: Vec<_> = (sending > 0).then_some(UnderWay::Publishing(sending)).into_iter().collect();
        for subscription in self.bus.subscriptions() {
            all.extend(of_subscription(&subscription).await);
            all.extend(of_backlog(&self.adapter, subscription.group(), subscription.topics()).await);
            if let Some(desk) = self.adapter.dead_letters.desk() {
                all.extend(of_store(desk, subscription.group()).await);
            }
        }
        all
    }

    fn now(&self) -> Monotonic {
        self.adapter.clock.monotonic()
    }
}

/// How long after the first look, and how far looks are apart at the most.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_secs(1);
/// How long an event waits that was not acknowledged.
const AGAIN: Duration = Duration::from_millis(15);

fn assembled(adapter: &Adapter, faults: &Faults, outbox: &Outbox) -> Bus {
    let publisher = Noting { inner: adapter.publisher.clone(), outbox: outbox.clone() };
    let publisher = FaultyPublisher::new(publisher, faults.clone());
    let ground = Ground {
        subscriber: Arc::new(FaultySubscriber::new(adapter.subscriber.clone(), faults.clone())),
        dead_letters: Some(Arc::new(FaultyDeadLetters::new(adapter.dead_letters.clone(), faults.clone()))),
        clock: adapter.clock.clone(),
    };
    Bus::new(Arc::new(publisher), ground)
}

/// The seed of the faults, told where a test fails; none where no fault may strike.
struct Seed(Option<u64>);

impl Drop for Seed {
    fn drop(&mut self) {
        if let Some(seed) = self.0.filter(|_| std::thread::panicking()) {
            eprintln!("the faults were drawn from seed {seed}");
        }
    }
}

impl Deref for TestBus {
    type Target = Bus;

    fn deref(&self) -> &Bus {
        &self.bus
    }
}

impl fmt::Debug for TestBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBus")
            .field("bus", &self.bus)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

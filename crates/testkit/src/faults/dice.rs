//! What decides whether a fault strikes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_domain::{Clock, Invalid, Monotonic};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::fault::Fault;
use super::plan::FaultPlan;

/// The faults of one run, drawn from one seed in the order of calls. Clones share everything.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    plan: FaultPlan,
    clock: Arc<dyn Clock>,
    calm: AtomicBool,
    dice: Mutex<Dice>,
}

struct Dice {
    chance: Xoshiro256PlusPlus,
    tallies: BTreeMap<Fault, Tally>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// How often it could have struck.
    opportunities: u64,
    struck: u64,
}

impl Faults {
    /// Faults as `plan` says, at the times of `clock`.
    ///
    /// # Errors
    /// Every rule that the plan breaks, at once.
    pub fn new(plan: FaultPlan, clock: Arc<dyn Clock>) -> Result<Self, Vec<Invalid>> {
        let faults = plan.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let chance = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let dice = Mutex::new(Dice { chance, tallies: BTreeMap::new() });
        Ok(Self(Arc::new(Shared { plan, clock, calm: AtomicBool::new(false), dice })))
    }

    /// Ends it: no fault strikes from now on. What is late still comes late.
    pub fn calm(&self) {
        self.0.calm.store(true, Ordering::SeqCst);
    }

    /// How often a fault has struck.
    #[must_use]
    pub fn struck(&self, fault: Fault) -> u64 {
        self.dice().tallies.get(&fault).map_or(0, |tally| tally.struck)
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FaultPlan {
        &self.0.plan
    }

    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.0.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a fault strikes at this opportunity. One that cannot strike draws nothing.
    pub(super) fn strikes(&self, fault: Fault) -> bool {
        let Shared { plan, calm, .. } = &*self.0;
        if calm.load(Ordering::SeqCst) || !plan.may(fault) {
            return false;
        }
        let mut dice = self.dice();
        let drawn = dice.chance.random_bool(plan.rate(fault));
        let tally = dice.tallies.entry(fault).or_default();
        tally.opportunities += 1;
        let strikes = drawn || plan.points.contains(&(fault, tally.opportunities));
        tally.struck += u64::from(strikes);
        strikes
    }

    /// A number below `bound`, which is at least 1.
    pub(super) fn below(&self, bound: usize) -> usize {
        self.dice().chance.random_range(0..bound.max(1))
    }

    /// A delay of at least a millisecond.
    pub(super) fn delay(&self) -> Duration {
        let longest = u64::try_from(self.0.plan.longest_delay.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.dice().chance.random_range(1..=longest.max(1)))
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub(super) fn now(&self) -> Monotonic {
        self.0.clock.monotonic()
    }

    /// Waits for some time where `fault` strikes.
    pub(super) async fn may_delay(&self, fault: Fault) {
        if self.strikes(fault) {
            let until = self.now() + self.delay();
            self.0.clock.wake_at(until).await;
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("plan", &self.0.plan).finish_non_exhaustive()
    }
}

//! Fairness against a model that is too simple to be wrong.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use laneway_domain::TenantId;
use proptest::prelude::*;

use super::super::chain::NONE;
use super::*;
use crate::policy::{FlowLimits, RateLimit};

impl Links for Vec<u32> {
    fn next(&self, lane: u32) -> Option<u32> {
        self.get(lane as usize).copied()
    }

    fn next_mut(&mut self, lane: u32) -> Option<&mut u32> {
        self.get_mut(lane as usize)
    }
}

const LANES: u32 = 64;
const TENANTS: u32 = 5;

fn at(millis: u64) -> Monotonic {
    Monotonic::ZERO + Duration::from_millis(millis)
}

fn fairness(limits: FlowLimits) -> Fairness {
    Fairness::new(Arc::new(Quotas::new(limits)), 0)
}

impl Fairness {
    fn turns(&self) -> Option<&Turns> {
        if let Whose::Many(turns) = &self.whose { Some(turns) } else { None }
    }
}

fn links() -> Vec<u32> {
    vec![NONE; LANES as usize]
}

/// The limit of tenants with an even number; the others have none.
const LIMIT: RateLimit = RateLimit { per_second: 10.0, burst: 2 };

fn limits() -> FlowLimits {
    let even = (0..TENANTS).step_by(2).map(|n| (TenantId::new(name(n)).unwrap(), LIMIT));
    FlowLimits { tenants: even.collect(), ..FlowLimits::default() }
}

fn name(tenant: u32) -> String {
    format!("t{tenant}")
}

#[test]
fn a_tenant_with_a_thousand_lanes_and_one_with_one_take_turns() {
    let (mut fairness, mut links) = (fairness(FlowLimits::default()), links());
    let now = at(0);
    for lane in 0..40 {
        let slot = fairness.enter(Some("large"), lane as usize);
        fairness.push(&mut links, lane, |_| slot);
    }
    let small = fairness.enter(Some("small"), 40);
    fairness.push(&mut links, 50, |_| small);
    let picks: Vec<_> = (0..3).map(|_| fairness.pick(&links, now)).collect();
    assert_eq!(picks, [Pick::Lane(0), Pick::Lane(50), Pick::Lane(1)]);
}

#[test]
fn with_one_tenant_and_no_rates_it_sleeps_and_is_a_plain_ring() {
    let (mut fairness, mut links) = (fairness(FlowLimits::default()), links());
    for lane in 0..3 {
        let slot = fairness.enter(None, lane as usize);
        fairness.push(&mut links, lane, |_| slot);
    }
    assert!(fairness.turns().is_none());
    assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(0));
    fairness.leave(TenantSlot(0));
    fairness.push(&mut links, 7, |_| TenantSlot(0));
    let rest: Vec<_> = (0..4).map(|_| fairness.pick(&links, at(0))).collect();
    let idle = Pick::Idle { until: Monotonic::NEVER };
    assert_eq!(rest, [Pick::Lane(1), Pick::Lane(2), Pick::Lane(7), idle]);
}

#[test]
fn tenants_that_come_one_after_the_other_do_not_wake_it_and_two_at_once_do() {
    let (mut fairness, mut links) = (fairness(FlowLimits::default()), links());
    for n in 0..3 {
        let slot = fairness.enter(Some(&name(n)), 0);
        fairness.push(&mut links, n, |_| slot);
        assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(n));
        fairness.leave(slot);
    }
    let a = fairness.enter(Some("a"), 0);
    fairness.push(&mut links, 1, |_| a);
    fairness.push(&mut links, 2, |_| a);
    assert!(fairness.turns().is_none());
    assert_eq!(fairness.drain(&links), [1, 2]);
    fairness.push(&mut links, 1, |_| a);
    fairness.push(&mut links, 2, |_| a);
    let b = fairness.enter(Some("b"), 1);
    fairness.push(&mut links, 3, |_| b);
    assert!(fairness.turns().is_some());
    let picks: Vec<_> = (0..3).map(|_| fairness.pick(&links, at(0))).collect();
    assert_eq!(picks, [Pick::Lane(1), Pick::Lane(3), Pick::Lane(2)]);
}

#[test]
fn a_subscription_out_of_tokens_says_when_it_has_one_and_charges_no_tenant() {
    let mut limits = limits();
    limits.subscription = Some(RateLimit { per_second: 1.0, burst: 1 });
    let (mut fairness, mut links) = (fairness(limits), links());
    for lane in 0..3 {
        let slot = fairness.enter(Some("t0"), 0);
        fairness.push(&mut links, lane, |_| slot);
    }
    assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(0));
    for _ in 0..10 {
        assert_eq!(fairness.pick(&links, at(1)), Pick::Idle { until: at(1_000) });
        assert_eq!(fairness.throttled(), 2);
    }
    assert_eq!(fairness.pick(&links, at(1_000)), Pick::Lane(1));
    assert_eq!(fairness.throttled(), 0);
}

#[test]
fn tenants_out_of_tokens_leave_the_subscription_its_own() {
    let mut limits = limits();
    limits.subscription = Some(RateLimit { per_second: 1.0, burst: 3 });
    let (mut fairness, mut links) = (fairness(limits), links());
    for lane in 0..3 {
        let slot = fairness.enter(Some("t0"), 0);
        fairness.push(&mut links, lane, |_| slot);
    }
    assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(0));
    assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(1));
    assert_eq!(fairness.pick(&links, at(0)), Pick::Idle { until: at(100) });
    assert_eq!(fairness.throttled(), 1);
    let slot = fairness.enter(Some("t1"), 1);
    fairness.push(&mut links, 9, |_| slot);
    assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(9));
}

#[test]
fn what_was_picked_and_does_not_start_gives_its_tokens_back() {
    let mut limits = limits();
    limits.subscription = Some(RateLimit { per_second: 1.0, burst: 2 });
    let (mut fairness, mut links) = (fairness(limits), links());
    let slots: Vec<_> = (0..4).map(|_| fairness.enter(Some("t0"), 0)).collect();
    for (lane, slot) in (0..).zip(&slots) {
        fairness.push(&mut links, lane, |_| *slot);
    }
    for lane in 0..2 {
        assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(lane));
        fairness.refund(slots[0]);
    }
    let picks: Vec<_> = (0..2).map(|_| fairness.pick(&links, at(0))).collect();
    assert_eq!(picks, [Pick::Lane(2), Pick::Lane(3)]);
}

#[test]
fn tenants_that_were_seen_leave_nothing_behind() {
    let (mut fairness, mut links) = (fairness(limits()), links());
    for n in 0..10_000 {
        let slot = fairness.enter(Some(&name(n)), 0);
        fairness.push(&mut links, 0, |_| slot);
        assert_eq!(fairness.pick(&links, at(0)), Pick::Lane(0));
        fairness.leave(slot);
    }
    assert_eq!(fairness.turns().unwrap().tenants().sizes(), (0, 1));
}

#[derive(Debug, Clone)]
enum Step {
    Ready(u32),
    Pick,
    Leave(usize),
    Wait(u64),
    Drain(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..TENANTS).prop_map(Step::Ready),
        6 => Just(Step::Pick),
        2 => any::<usize>().prop_map(Step::Leave),
        2 => (0u64..150).prop_map(Step::Wait),
        1 => (0..TENANTS).prop_map(Step::Drain),
    ];
    prop::collection::vec(step, 0..300)
}

/// What must come out, by the plainest means.
#[derive(Default)]
struct Model {
    /// Whether nobody has a limit: then it begins asleep.
    free: bool,
    ready: BTreeMap<u32, VecDeque<u32>>,
    /// Lanes that were picked and may leave.
    running: Vec<(u32, u32)>,
    /// Whom somebody was picked before, since when it is ready.
    passed: BTreeMap<(u32, u32), u32>,
    taken: BTreeMap<u32, Vec<Monotonic>>,
}

impl Model {
    fn has_token(&self, tenant: u32, now: Monotonic) -> bool {
        if self.free || tenant % 2 == 1 {
            return true;
        }
        let mut arrival = Monotonic::ZERO;
        let (interval, tolerance) = (LIMIT.interval(), LIMIT.interval() * (LIMIT.burst - 1));
        for taken in self.taken.get(&tenant).into_iter().flatten() {
            arrival = arrival.max(*taken) + interval;
        }
        arrival <= now + tolerance
    }

    fn eligible(&self, now: Monotonic) -> Vec<u32> {
        let ready = self.ready.iter().filter(|(_, lanes)| !lanes.is_empty()).map(|(tenant, _)| *tenant);
        ready.filter(|tenant| self.has_token(*tenant, now)).collect()
    }
}

struct Bench {
    fairness: Fairness,
    lanes: usize,
    links: Vec<u32>,
    model: Model,
    slots: BTreeMap<u32, TenantSlot>,
    free: Vec<u32>,
    now: Monotonic,
}

impl Bench {
    fn new(limited: bool) -> Self {
        let limits = if limited { limits() } else { FlowLimits::default() };
        let (fairness, links, free) = (fairness(limits), links(), (0..LANES).collect());
        let model = Model { free: !limited, ..Model::default() };
        Self { fairness, lanes: 0, links, model, slots: BTreeMap::new(), free, now: at(0) }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Ready(tenant) => self.ready(tenant),
            Step::Pick => self.pick()?,
            Step::Leave(at) if !self.model.running.is_empty() => {
                let (tenant, lane) = self.model.running.swap_remove(at % self.model.running.len());
                self.fairness.leave(self.slots[&tenant]);
                self.lanes -= 1;
                self.free.push(lane);
            }
            Step::Leave(_) => {}
            Step::Wait(millis) => self.now = self.now + Duration::from_millis(millis),
            Step::Drain(gone) => self.drain(gone),
        }
        Ok(())
    }

    fn ready(&mut self, tenant: u32) {
        let Some(lane) = self.free.pop() else { return };
        let slot = self.fairness.enter(Some(&name(tenant)), self.lanes);
        self.lanes += 1;
        self.slots.insert(tenant, slot);
        self.fairness.push(&mut self.links, lane, |_| slot);
        self.model.ready.entry(tenant).or_default().push_back(lane);
    }

    fn pick(&mut self) -> Result<(), TestCaseError> {
        let eligible = self.model.eligible(self.now);
        match self.fairness.pick(&self.links, self.now) {
            Pick::Idle { until } => {
                prop_assert_eq!(eligible, Vec::<u32>::new(), "somebody could start");
                let ready: usize = self.model.ready.values().map(VecDeque::len).sum();
                prop_assert_eq!(self.fairness.throttled(), ready, "all that is ready waits for a token");
                let waits = ready > 0;
                prop_assert!(until > self.now && (!waits || until != Monotonic::NEVER));
                // It may wake for a tenant that is gone, and never sleeps past a token.
                let before = Monotonic::from_nanos(until.nanos() - 1);
                prop_assert!(!waits || self.model.eligible(before).is_empty(), "slept past a token");
            }
            Pick::Lane(lane) => {
                let tenant = eligible.iter().copied().find(|t| self.model.ready[t].front() == Some(&lane));
                let Some(tenant) = tenant else {
                    return Err(TestCaseError::fail("not the oldest lane of a tenant with a token"));
                };
                self.model.ready.get_mut(&tenant).unwrap().pop_front();
                self.model.taken.entry(tenant).or_default().push(self.now);
                self.model.running.push((tenant, lane));
                self.pass(tenant, &eligible)?;
            }
        }
        Ok(())
    }

    /// Nobody goes twice while another could have gone all the time.
    fn pass(&mut self, picked: u32, eligible: &[u32]) -> Result<(), TestCaseError> {
        self.model.passed.retain(|(waits, _), _| eligible.contains(waits) && *waits != picked);
        for waits in eligible.iter().filter(|waits| **waits != picked) {
            let times = self.model.passed.entry((*waits, picked)).or_default();
            *times += 1;
            // Once for a turn that was taken already, once for coming back from a wait in between.
            prop_assert!(*times <= 2, "tenant {} waits for {} again and again", waits, picked);
        }
        Ok(())
    }

    fn drain(&mut self, gone: u32) {
        for lane in self.fairness.drain(&self.links) {
            let tenant = *self.model.ready.iter().find(|(_, lanes)| lanes.contains(&lane)).unwrap().0;
            if tenant == gone {
                self.fairness.leave(self.slots[&tenant]);
                self.lanes -= 1;
                self.free.push(lane);
            } else {
                self.fairness.push(&mut self.links, lane, |_| self.slots[&tenant]);
            }
        }
        self.model.ready.remove(&gone);
        self.model.passed.clear();
    }
}

proptest! {
    #[test]
    fn tenants_take_turns_within_their_rates_and_whoever_may_start_does(steps in steps(), limited in any::<bool>()) {
        let mut bench = Bench::new(limited);
        for step in &steps {
            bench.step(step)?;
            let ready: usize = bench.model.ready.values().map(VecDeque::len).sum();
            prop_assert_eq!(bench.fairness.ready(), ready);
            prop_assert!(bench.fairness.throttled() <= ready);
            let named = bench.fairness.turns().map_or(0, |turns| turns.tenants().sizes().0);
            prop_assert!(named <= TENANTS as usize);
        }
    }
}

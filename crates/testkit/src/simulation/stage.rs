//! What all of a run share.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway_domain::invariant::{Happening, Invariant, MemberId, Place, Violation};
use laneway_domain::{AggregateKey, Clock, Event, EventId, GroupId, Invalid, Monotonic, Scope, TopicName};
use tokio::sync::mpsc;

use super::life::Life;
use super::scenario::Scenario;
use super::script::Action;
use crate::conformance::{Adapter, Factory};
use crate::faults::{Fault, Faults};
use crate::history::Recorder;

/// A lane of a member that its router merges, with the group's number.
type MergedLane = (MemberId, usize, AggregateKey);

/// An adapter, and what stands around it during one run.
pub(super) struct Stage {
    pub(super) scenario: Scenario,
    pub(super) adapter: Adapter,
    pub(super) recorder: Recorder,
    pub(super) faults: Faults,
    pub(super) groups: Vec<GroupId>,
    began: Monotonic,
    /// Rises with whatever handlers do.
    pulse: AtomicU64,
    /// Whether handlers fail no more.
    healed: AtomicBool,
    /// How many events handlers published.
    echoes: AtomicU32,
    /// How many subscriptions there were.
    subscriptions: AtomicU32,
    /// The merged lanes in which a handler runs.
    busy: Mutex<HashSet<MergedLane>>,
    /// What was found wrong while it ran.
    found: Mutex<Vec<Violation>>,
    /// How many processes an event has killed, by where it stands: what is published twice kills twice, and so does what an
    /// operator wants handled again.
    kills: Mutex<HashMap<(Place, usize), usize>>,
    deaths: mpsc::UnboundedSender<Death>,
    died: Mutex<Option<mpsc::UnboundedReceiver<Death>>>,
}

/// A process was killed by an event that it handled.
pub(super) struct Death {
    pub(super) member: MemberId,
    pub(super) group: usize,
}

/// The most processes that an event may kill: two until it is looked for, one in a batch, three alone, and one to spare.
const KILLS: usize = 7;

impl Stage {
    /// Sets a scenario up on a fresh adapter.
    ///
    /// # Errors
    /// Settings of the scenario that break rules.
    pub(super) async fn set(scenario: Scenario, factory: &dyn Factory) -> Result<Arc<Self>, Vec<Invalid>> {
        let adapter = factory.adapter(scenario.needs()).await;
        let faults = Faults::new(scenario.faults.clone(), adapter.clock.clone())?;
        let name = |at: usize| GroupId::new(format!("{}g{at}", adapter.group_prefix));
        let groups = (0..scenario.groups.len()).map(name).collect::<Result<_, _>>().map_err(|e| vec![e])?;
        let recorder = Recorder::new(adapter.clock.clone());
        let (pulse, echoes) = (AtomicU64::new(0), AtomicU32::new(0));
        let (healed, busy, found) = (AtomicBool::new(false), Mutex::default(), Mutex::default());
        let began = adapter.clock.monotonic();
        let (deaths, died) = mpsc::unbounded_channel();
        Ok(Arc::new(Self {
            scenario,
            adapter,
            recorder,
            faults,
            groups,
            began,
            pulse,
            healed,
            echoes,
            subscriptions: AtomicU32::new(0),
            busy,
            found,
            kills: Mutex::default(),
            deaths,
            died: Mutex::new(Some(died)),
        }))
    }

    /// Whether an event kills the processes of a group: only where checkpoints can say so.
    pub(super) fn kills(&self, group: usize, event: EventId) -> bool {
        self.scenario.state_bytes.is_none() && self.scenario.groups[group].temper.kills(event)
    }

    /// An event kills the process that handles it, here and now.
    pub(super) fn killed(&self, life: &Life, member: MemberId, group: usize, event: &Event) {
        self.recorder.record(Happening::Crashed { member });
        life.end();
        let kills = {
            let mut kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
            let (topic, partition) = (event.topic().clone(), event.partition());
            let scope = Scope { group: self.groups[group].clone(), topic, partition };
            let place = Place { scope, position: event.position() };
            let lives = self.lives(&place);
            let kills = kills.entry((place, lives)).or_default();
            *kills += 1;
            *kills
        };
        if kills > KILLS {
            self.find(Invariant::I20, format!("{:?} has killed {kills} processes", event.id()));
        }
        // Nobody restarts processes when the run is over.
        let _ = self.deaths.send(Death { member, group });
    }

    /// How often an event has gone into the dead-letter store, or stayed there: each time it begins anew.
    fn lives(&self, of: &Place) -> usize {
        let goes_in = |what: &Happening| match what {
            Happening::DeadLettered { place, .. }
            | Happening::Parked { place, .. }
            | Happening::Returned { place, .. }
            | Happening::Edited { place, .. } => place == of,
            _ => false,
        };
        self.recorder.history().moments().iter().filter(|moment| goes_in(&moment.what)).count()
    }

    /// Who was killed, to be asked for once.
    pub(super) fn deaths(&self) -> Option<mpsc::UnboundedReceiver<Death>> {
        self.died.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.adapter.clock
    }

    pub(super) fn now(&self) -> Monotonic {
        self.adapter.clock.monotonic()
    }

    /// The topics that a group reads.
    pub(super) fn topics_of(&self, group: usize) -> &[TopicName] {
        let (main, side) = self.adapter.topics.split_at(self.scenario.topics);
        if self.scenario.groups[group].reads_side { side } else { main }
    }

    /// The topic that handlers publish to, where there is one.
    pub(super) fn side(&self) -> Option<&TopicName> {
        self.adapter.topics.get(self.scenario.topics)
    }

    /// A name for a new subscription of a bus.
    pub(super) fn name(&self, member: MemberId) -> GroupId {
        let number = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        let name = GroupId::new(format!("bus-{}-{number}", member.0));
        name.unwrap_or_else(|_| unreachable!("letters, digits and dashes"))
    }

    /// The number of a new event of a handler.
    pub(super) fn echo(&self) -> u32 {
        self.echoes.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that a handler runs in a merged lane; no two may at once.
    pub(super) fn enter(&self, lane: MergedLane) -> Running<'_> {
        let what = format!("two handlers of merged lane {} run in bus {} at once", lane.2, lane.0.0);
        if !self.busy().insert(lane.clone()) {
            self.find(Invariant::I3, what);
        }
        Running { stage: self, lane }
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<MergedLane>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it was set up.
    pub(super) fn began(&self) -> Monotonic {
        self.began
    }

    /// Whether commits may have been sent that no broker stored.
    pub(super) fn sessions_broke(&self) -> bool {
        let cuts = |action| matches!(action, Action::Expel | Action::Freeze(..));
        let cut = self.scenario.script.iter().any(|step| cuts(step.action));
        let breaks = |fault: &Fault| {
            matches!(fault, Fault::Disconnect | Fault::Lost | Fault::CommitRefused | Fault::Crash(_))
        };
        cut || Fault::ALL.iter().filter(|fault| breaks(fault)).any(|fault| self.faults.struck(*fault) > 0)
    }

    pub(super) async fn wait(&self, time: Duration) {
        self.adapter.clock.wake_at(self.now() + time).await;
    }

    /// Heals what makes handlers fail.
    pub(super) fn heal(&self) {
        self.healed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_healed(&self) -> bool {
        self.healed.load(Ordering::Relaxed)
    }

    pub(super) fn beat(&self) {
        self.pulse.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn pulse(&self) -> u64 {
        self.pulse.load(Ordering::Relaxed)
    }

    /// Notes what no history shows.
    pub(super) fn find(&self, invariant: Invariant, what: String) {
        let at = self.recorder.history().len();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() < Violation::MOST {
            found.push(Violation { invariant, at, what });
        }
    }

    pub(super) fn found(&self) -> Vec<Violation> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A handler runs in a merged lane.
pub(super) struct Running<'a> {
    stage: &'a Stage,
    lane: MergedLane,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.stage.busy().remove(&self.lane);
    }
}

//! What a run consists of, drawn from its seed.

use std::time::Duration;

use laneway_domain::AfterDeadLetter;

use super::chance::Chance;
use super::group::GroupPlan;
use super::script::{self, Action, Step};
use super::traffic::{self, Draft, EventPlan};
use crate::conformance::{Needs, WhenFull};
use crate::faults::{Crash, Fault, FaultPlan};

/// A run, as plain data: the same scenario makes the same history.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it was drawn from.
    pub seed: u64,
    /// The partitions of each topic.
    pub partitions: u32,
    /// The topics.
    pub topics: usize,
    /// How many events a partition keeps, and what it does when it is full; everything where nothing is said.
    pub keep: Option<(usize, WhenFull)>,
    /// The most bytes of a checkpoint's state; the adapter's choice where nothing is said.
    pub state_bytes: Option<usize>,
    /// The consumer groups.
    pub groups: Vec<GroupPlan>,
    /// The publishers.
    pub publishers: usize,
    /// The most events of one publish.
    pub publish_batch: usize,
    /// What is published, in order.
    pub events: Vec<EventPlan>,
    /// What goes wrong until `calm`.
    pub faults: FaultPlan,
    /// Who comes and goes until `calm`.
    pub script: Vec<Step>,
    /// When faults and script end.
    pub calm: Duration,
}

impl Scenario {
    /// Draws a scenario.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let chance = &mut Chance::new(seed);
        let blocks = chance.percent(10);
        let after = if blocks { AfterDeadLetter::Block } else { AfterDeadLetter::Skip };
        let (topics, publishers) = (chance.between(1..=2), chance.between(1..=3));
        let count = if chance.percent(25) { 2 } else { 1 };
        let calm = chance.millis(500..=6_000);
        let draft = Draft { topics, publishers, within: calm * 3 / 4 };
        let keep = keep(chance);
        let mut groups: Vec<_> = (0..count).map(|_| GroupPlan::draw(chance, after)).collect();
        if groups.iter().any(|group| group.temper.publishes > 0) && chance.percent(60) {
            groups.push(GroupPlan::draw_side(chance, after));
        }
        // What blocks, or keeps events aside, would keep publishers waiting for ever.
        let waits = |full| full == WhenFull::Wait && groups.iter().any(GroupPlan::may_keep_aside);
        let keep = keep.filter(|(_, full)| !blocks && !waits(*full));
        Self {
            seed,
            partitions: u32::try_from(chance.between(1..=4)).unwrap_or(1),
            topics,
            keep,
            state_bytes: chance.percent(25).then(|| chance.between(0..=40)),
            publishers,
            publish_batch: chance.between(1..=10),
            events: traffic::draw(chance, &draft),
            faults: faults(chance),
            script: script::draw(chance, groups.len(), calm),
            groups,
            calm,
        }
    }

    /// What it asks of an adapter.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let (keep, when_full) = self.keep.map_or((None, WhenFull::Wait), |(keep, when)| (Some(keep), when));
        Needs {
            topics: self.topics + usize::from(self.has_side()),
            partitions: self.partitions,
            keep,
            when_full,
            publish_wait: Duration::from_millis(200),
            state_bytes: self.state_bytes,
            ..Needs::default()
        }
    }

    /// Whether there is one more topic, which handlers publish to.
    #[must_use]
    pub fn has_side(&self) -> bool {
        self.groups.iter().any(|group| group.reads_side || group.temper.publishes > 0)
    }

    /// The most members that a group may have at one time.
    #[must_use]
    pub fn most_members(&self, group: usize) -> usize {
        let joins = self.script.iter().filter(|step| step.group == group && step.action == Action::Join);
        self.groups.get(group).map_or(0, |plan| plan.members) + joins.count()
    }

    /// The partitions that a group reads.
    #[must_use]
    pub fn partitions_of(&self, group: &GroupPlan) -> usize {
        let topics = if group.reads_side { 1 } else { self.topics };
        topics * self.partitions as usize
    }
}

fn keep(chance: &mut Chance) -> Option<(usize, WhenFull)> {
    let when = if chance.percent(50) { WhenFull::Wait } else { WhenFull::DropOldest };
    let keep = chance.between(4..=40);
    chance.percent(25).then_some((keep, when))
}

fn faults(chance: &mut Chance) -> FaultPlan {
    let mut plan = FaultPlan::quiet(chance.seed());
    plan.longest_delay = chance.millis(1..=600);
    plan.permission = chance.millis(50..=1_000);
    if chance.percent(20) {
        return plan;
    }
    for fault in Fault::ALL {
        let most = match fault {
            Fault::OpenRefused | Fault::LetterRefused | Fault::LetterAnswerLost | Fault::LetterDelay => 0.5,
            Fault::Crash(Crash::BeforeStart | Crash::BeforeRelease | Crash::AfterRelease) => 0.3,
            Fault::Crash(Crash::BeforeClose) => 0.5,
            Fault::Disconnect | Fault::Lost | Fault::Crash(_) | Fault::LetterFenced => 0.05,
            _ => 0.3,
        };
        if chance.percent(25) {
            plan = plan.with(fault, chance.rate(most));
        }
    }
    plan
}

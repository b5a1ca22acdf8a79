//! What a run consists of, drawn from its seed.

use std::time::Duration;

use laneway_domain::AfterDeadLetter;

use super::chance::Chance;
use super::group::GroupPlan;
use super::script::{self, Step};
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
        let groups = if chance.percent(25) { 2 } else { 1 };
        let calm = chance.millis(500..=6_000);
        let draft = Draft { topics, publishers, within: calm * 3 / 4 };
        Self {
            seed,
            partitions: u32::try_from(chance.between(1..=4)).unwrap_or(1),
            topics,
            // What blocks would keep publishers waiting for ever.
            keep: keep(chance).filter(|_| !blocks),
            groups: (0..groups).map(|_| GroupPlan::draw(chance, after)).collect(),
            publishers,
            publish_batch: chance.between(1..=10),
            events: traffic::draw(chance, &draft),
            faults: faults(chance),
            script: script::draw(chance, groups, calm),
            calm,
        }
    }

    /// What it asks of an adapter.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let (keep, when_full) = self.keep.map_or((None, WhenFull::Wait), |(keep, when)| (Some(keep), when));
        Needs {
            topics: self.topics,
            partitions: self.partitions,
            keep,
            when_full,
            publish_wait: Duration::from_millis(200),
            ..Needs::default()
        }
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
            Fault::Disconnect | Fault::Lost | Fault::Crash(_) => 0.05,
            _ => 0.3,
        };
        if chance.percent(25) {
            plan = plan.with(fault, chance.rate(most));
        }
    }
    plan
}

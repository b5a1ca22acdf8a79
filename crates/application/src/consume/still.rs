//! How a loop holds still for an event that runs alone in the process, and what it says where something does not end.
//!
//! Whoever has the process alone has it for the time of its attempt, and never longer than [`LONGEST`]; what runs elsewhere is
//! waited for as long. What goes on beyond that hangs: the others start again, and no suspect runs until it has ended.

use std::collections::BTreeSet;

use laneway_domain::{Monotonic, Position};

use super::r#loop::Loop;
use super::message::{Command, Order};
use super::vigil::{GRACE, LONGEST, VigilWord};
use crate::ledger::Tenure;
use crate::policy::ProbationInput;

/// What a loop knows of holding still; empty, and free, in health.
#[derive(Debug, Default)]
pub(super) struct Still {
    hush: Option<Hush>,
    lone: Option<Lone>,
    /// Workers in which something hangs, or that do not answer.
    stuck: BTreeSet<usize>,
    /// Whether a call went unanswered because the broker does not store who is about to start.
    unmarked: bool,
    /// A suspect that hangs.
    suspect: Option<String>,
}

/// Somebody is to be alone.
#[derive(Debug)]
struct Hush {
    round: u64,
    told: bool,
    quiet: usize,
    /// Workers that have not said whether something hangs.
    unheard: BTreeSet<usize>,
    until: Monotonic,
}

/// What has the process alone.
#[derive(Debug)]
pub(super) struct Lone {
    pub(super) tenure: Tenure,
    pub(super) position: Position,
    pub(super) worker: usize,
    /// When it hangs.
    pub(super) until: Monotonic,
}

const ELSEWHERE: &str = "suspects of a crash wait for a handler of another subscription that does not end";
const HERE: &str = "a handler does not end and cannot be stopped; suspects of a crash wait for it";

impl Still {
    pub(super) fn is_asleep(&self) -> bool {
        self.hush.is_none() && self.lone.is_none() && !self.unmarked
    }

    /// When something hangs.
    pub(super) fn due(&self) -> Monotonic {
        let hush = self.hush.as_ref().map_or(Monotonic::NEVER, |hush| hush.until);
        self.lone.as_ref().map_or(hush, |lone| hush.min(lone.until))
    }

    /// Something starts that has the process alone.
    pub(super) fn begins(&mut self, lone: Lone) {
        self.lone = Some(lone);
    }

    /// An attempt is over.
    pub(super) fn ended(&mut self, tenure: Tenure, position: Position) {
        self.lone.take_if(|lone| (lone.tenure, lone.position) == (tenure, position));
    }

    /// A tenure is over.
    pub(super) fn forget(&mut self, tenure: Tenure) {
        self.lone.take_if(|lone| lone.tenure == tenure);
    }

    fn hangs(&self) -> bool {
        self.unmarked || !self.stuck.is_empty()
    }

    /// What does not end, in words; `waits` says whether suspects of this subscription wait although nobody holds still.
    pub(super) fn said(&self, waits: bool) -> Option<&str> {
        let here = (!self.stuck.is_empty()).then(|| self.suspect.as_deref().unwrap_or(HERE));
        here.or(waits.then_some(ELSEWHERE))
    }
}

impl Loop {
    /// Somebody in the process is to be alone, or no longer.
    pub(super) fn keep_vigil(&mut self, word: VigilWord) {
        match word {
            VigilWord::Hush(round) => {
                let (until, unheard) = (self.now + LONGEST + GRACE, BTreeSet::new());
                self.probations.still.hush = Some(Hush { round, told: false, quiet: 0, unheard, until });
            }
            VigilWord::Granted(tenure) => {
                if let Some(hush) = &mut self.probations.still.hush {
                    hush.until = Monotonic::NEVER;
                }
                self.probations.say(tenure, ProbationInput::Granted);
            }
            VigilWord::Over { late } => {
                let hush = self.probations.still.hush.take();
                self.crew.tell(|| Command::Probation(Order::Over));
                if late {
                    let still = &mut self.probations.still;
                    still.unmarked |= hush.as_ref().is_some_and(|hush| !hush.told);
                    still.stuck.extend(hush.into_iter().flat_map(|hush| hush.unheard));
                    self.say_hangs();
                }
            }
        }
    }

    /// Nothing runs in a worker.
    pub(super) fn worker_quiet(&mut self, round: u64) {
        let (workers, probations) = (self.crew.len(), &mut self.probations);
        if let Some(hush) = probations.still.hush.as_mut().filter(|hush| hush.round == round) {
            hush.quiet += 1;
            if hush.quiet == workers {
                probations.seat.quiet(round);
            }
        }
    }

    /// A worker says whether something in it hangs.
    pub(super) fn worker_hangs(&mut self, worker: usize, hangs: bool) {
        let still = &mut self.probations.still;
        if let Some(hush) = &mut still.hush {
            hush.unheard.remove(&worker);
        }
        let changed = if hangs { still.stuck.insert(worker) } else { still.stuck.remove(&worker) };
        if changed {
            self.say_hangs();
        }
    }

    fn say_hangs(&mut self) {
        let still = &mut self.probations.still;
        if still.stuck.is_empty() {
            still.suspect = None;
        }
        self.probations.seat.hangs(still.hangs());
    }

    /// Ends what has taken too long, and tells the workers to hold still as soon as nothing is `about_to_start`.
    pub(super) fn keep_still(&mut self, about_to_start: bool) {
        let (now, still) = (self.now, &mut self.probations.still);
        if let Some(lone) = still.lone.take_if(|lone| lone.until <= now) {
            self.gives_up_on(&lone);
        }
        let still = &mut self.probations.still;
        if still.unmarked && !about_to_start {
            still.unmarked = false;
            self.say_hangs();
        }
        let Some(hush) = &mut self.probations.still.hush else { return };
        if !hush.told && !about_to_start {
            hush.told = true;
            hush.unheard = (0..self.crew.len()).collect();
            let round = hush.round;
            self.crew.tell(|| Command::Probation(Order::Hush(round)));
        }
        if hush.until <= now {
            hush.until = Monotonic::NEVER;
            self.probations.seat.late(hush.round);
        }
    }

    /// A suspect hangs: its worker says when it does no longer.
    fn gives_up_on(&mut self, lone: &Lone) {
        let Some(info) = self.ledger.info(lone.tenure) else { return };
        let (topic, partition, position) = (&info.topic, info.number, lone.position);
        let said = format!(
            "the event at {position} of {topic}/{partition}, suspected of a crash, has run out of its time and cannot be stopped; \
             other suspects wait for it"
        );
        tracing::error!(group = %self.shared.group, "{said}");
        self.probations.still.suspect = Some(said);
        self.probations.say(lone.tenure, ProbationInput::Hangs);
        self.probations.still.stuck.insert(lone.worker);
        self.crew.send(lone.worker, Command::Probation(Order::Watch));
        self.say_hangs();
    }
}

#[cfg(test)]
mod tests {
    use laneway_domain::{Assignment, Epoch, PartitionId, PartitionNumber, Resume, TopicName};

    use super::*;
    use crate::ledger::Ledger;

    #[test]
    fn whatever_ends_in_time_hangs_never() {
        let assignment = |partition| Assignment {
            partition: PartitionId(partition),
            epoch: Epoch(1),
            topic: TopicName::new("t").unwrap(),
            number: PartitionNumber(partition),
            stored: None,
            initial: Resume::Start,
        };
        let mut ledger = Ledger::default();
        let [tenure, other] = [0, 1].map(|partition| ledger.assign(&assignment(partition)));
        let (position, until) = (Position::new(7), Monotonic::from_nanos(9));
        let begun = || {
            let mut still = Still::default();
            still.begins(Lone { tenure, position, worker: 0, until });
            still.ended(tenure, Position::new(8));
            still.ended(other, position);
            still.forget(other);
            assert_eq!((still.due(), still.is_asleep()), (until, false));
            still
        };
        let over = |still: &Still| (still.due(), still.is_asleep()) == (Monotonic::NEVER, true);
        let (mut ended, mut gone) = (begun(), begun());
        ended.ended(tenure, position);
        gone.forget(tenure);
        assert!(over(&ended) && over(&gone));
    }
}

//! Attempts that survive a crash: finding the event that kills its process, without a write per event in health.
//!
//! An event that kills its process leaves no failed attempt behind: nobody was left to count it. So the checkpoint carries a flag that a
//! tenure is open. An owner that finds it set follows a crash. What it does then:
//!
//! | crashes in a row | how events start |
//! |---|---|
//! | 0 | as always |
//! | 1 | as always, on *trial* |
//! | 2 and more | *probation*: heads start in batches of at most 32, each named in a checkpoint that is stored first |
//!
//! Whoever was named when the process crashed is a *suspect*. Suspects run alone in the process, each named first; one that
//! three crashes found named alone is a dead letter, unstarted ([`DeathCause::Crashes`](laneway_domain::DeathCause)). A killer
//! thus costs two crashes until it is looked for, one in a batch and three alone: six.
//!
//! Entries that come back from the dead-letter store are counted there, each by itself: one that so many crashes found begun as
//! put a partition on probation is named as events are, in the store, and dies after as many crashes.
//!
//! **When a row of crashes ends.** The proposal counted crashes *without progress of the watermark*. That never finds a killer that starts
//! beside innocents: some of them finish and are committed before each crash, so there always was progress. Here a row ends when a
//! *trial* is survived: everything that could have been open at the crash, the first `reach` events opened since, is terminal,
//! so the killer cannot have been among them. Whatever innocents do meanwhile, a killer within reach keeps the row growing.
//!
//! **What "first" rests on.** Nothing starts before the first mark of a tenure is stored, else a crash before the first commit would
//! not be counted and a quick killer would live for ever. It costs one round trip an assignment.
//!
//! **Crashes from outside** (a deploy by `kill -9`, memory taken by somebody else) only make starts slower for a while; an innocent
//! event would have to run alone during three of them to be blamed. A process that lost a partition and gets it again knows
//! that it has not crashed: the checkpoint names the process.

use std::collections::{BTreeMap, BTreeSet};

use laneway_domain::{Invalid, Position, Resume};

use super::marks::{Mark, Marks, Named};
use crate::sabotage::{Bug, is_planted};

/// How patient probation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbationPolicy {
    /// Crashes in a row after which events are named before they start. Default 2: one crash may be anybody's.
    pub after: u32,
    /// Events named together at most. Default 32: one commit for 32 events while the killer is looked for, and at most 32
    /// runs alone once a batch held it.
    pub batch: usize,
    /// Crashes that must find an event named alone before it is a dead letter. Default 3.
    pub lone: u32,
    /// How many events can have been started since the last stored checkpoint; a trial is that long. Default 16,384: the
    /// open events of a partition, and as many again that finished since.
    pub reach: usize,
}

impl Default for ProbationPolicy {
    fn default() -> Self {
        Self { after: 2, batch: 32, lone: 3, reach: 16_384 }
    }
}

impl ProbationPolicy {
    /// Every rule that the policy breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<Invalid> {
        let ranges = [
            ("crashes.after", self.after as usize, 1, 100),
            ("crashes.batch", self.batch, 1, 32),
            ("crashes.lone", self.lone as usize, 1, 100),
            ("crashes.reach", self.reach, 1, 1 << 30),
        ];
        let wrong = ranges.into_iter().filter(|(_, value, least, most)| !(least..=most).contains(&value));
        let said = |(field, value, least, most)| {
            Invalid::new(field, format!("lies between {least} and {most}"), value)
        };
        wrong.map(said).collect()
    }
}

/// What happens to a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbationInput {
    /// An event was opened that is not known to be terminal.
    Opened(Position),
    /// An entry of the dead-letter store comes back that so many crashes found begun: at least [`ProbationPolicy::after`], the
    /// last one among those that were named, and from then on alone.
    Returned(Position, u32),
    /// The head of a lane wants to start an attempt.
    Ready(Position),
    /// A checkpoint that was taken after the last [`ProbationAction::Mark`] was stored, or was not: then the next turn asks
    /// again, so take that when the commit policy says that it is time.
    Marked(bool),
    /// Nothing runs in the process, and nothing but a suspect of this partition may.
    Granted,
    /// What has the process alone has run out of its time and goes on: the others do not wait for it any longer.
    Hangs,
    /// An attempt is over, or a burial: whether its event is terminal.
    Ended(Position, bool),
    /// Everything before this point is terminal.
    Watermark(Resume),
    /// Nothing is open, and the partition has no more.
    Quiet,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbationAction {
    /// Store a checkpoint with [`Probation::marks`], and say whether it was stored. No other is asked for before.
    Mark,
    /// Start this attempt.
    Run(Position),
    /// Do not start it: bury it with [`DeathCause::Crashes`](laneway_domain::DeathCause).
    Bury(Position),
    /// Ask to have the process alone, see [`Solo`](super::Solo).
    AskAlone,
    /// Let others start again.
    LetGo,
    /// The row of crashes is over: the next checkpoint says so.
    Leave,
}

/// What happens to the process for the sake of one suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    No,
    Asked,
    Held,
    /// It hangs: others start again as soon as the checkpoint no longer says that it is alone.
    Yields,
}

/// The probation of one partition, for one tenure.
#[derive(Debug)]
pub struct Probation {
    policy: ProbationPolicy,
    process: u32,
    crashes: u32,
    /// Suspects, and how many crashes found each named alone.
    suspects: BTreeMap<Position, u32>,
    /// Entries of the dead-letter store that come back, and how many crashes found each begun. The store tells who was named.
    returned: BTreeMap<Position, u32>,
    waiting: BTreeSet<Position>,
    /// Named, and to start when the mark is stored.
    chosen: BTreeSet<Position>,
    running: BTreeSet<Position>,
    /// Whoever the last mark named; keeps those that have ended until the next one.
    named: BTreeSet<Position>,
    alone: Alone,
    marking: bool,
    /// Whether this tenure's first mark is stored.
    begun: bool,
    released: bool,
    /// Events of the trial that were not opened yet.
    ahead: usize,
    /// The last event of the trial, once all were opened.
    end: Option<Position>,
    survived: bool,
}

impl Probation {
    /// Begins a tenure of `process` with what the checkpoint says.
    #[must_use]
    pub fn begin(stored: &Marks, policy: ProbationPolicy, process: u32) -> Self {
        // Who lost a partition and has it again did not crash in between.
        let crashed = stored.open && stored.process != process;
        let crashes = stored.crashes.saturating_add(u32::from(crashed));
        let suspect = |mark: &Mark| match (mark.named, crashed) {
            (Named::Alone, true) => Some((mark.position, mark.lone.saturating_add(1))),
            (Named::Among, true) if is_planted(Bug::ProbationBlamesAnInnocent) => {
                Some((mark.position, policy.lone))
            }
            // Named and released, or lost without a crash: they ran, and nothing happened.
            (Named::Among, false) => None,
            _ => Some((mark.position, mark.lone)),
        };
        Self {
            policy,
            process,
            crashes,
            suspects: stored.entries.iter().filter_map(suspect).collect(),
            returned: BTreeMap::new(),
            waiting: BTreeSet::new(),
            chosen: BTreeSet::new(),
            running: BTreeSet::new(),
            named: BTreeSet::new(),
            alone: Alone::No,
            marking: false,
            begun: false,
            released: false,
            ahead: policy.reach,
            end: None,
            survived: false,
        }
    }

    /// Whether starts have to be asked for: before the first mark is stored, and on probation. Otherwise nothing but
    /// [`ProbationInput::Opened`] and [`ProbationInput::Watermark`] need be said, and those only
    /// [on trial](Self::is_on_trial).
    #[must_use]
    #[inline]
    pub fn holds_starts(&self) -> bool {
        !self.begun || self.is_on_probation()
    }

    /// Whether heads are named before they start, for the rest of the row of crashes.
    #[must_use]
    pub fn is_on_probation(&self) -> bool {
        self.crashes >= self.policy.after || !self.suspects.is_empty() || !self.returned.is_empty()
    }

    /// Whether a crash is remembered.
    #[must_use]
    #[inline]
    pub fn is_on_trial(&self) -> bool {
        self.crashes > 0
    }

    /// Crashes in a row, as far as is known.
    #[must_use]
    pub fn crashes(&self) -> u32 {
        self.crashes
    }

    /// How many crashes found an event named alone.
    #[must_use]
    pub fn lone_crashes(&self, position: Position) -> u32 {
        let returned = self.returned.get(&position).copied().unwrap_or(0);
        let suspected = self.suspects.get(&position).copied().unwrap_or(0);
        returned.saturating_sub(self.policy.after + 1).max(suspected)
    }

    /// Entries of the dead-letter store that the last mark named, and that a crash is to be counted for: a suspect only while it
    /// has the process alone.
    #[must_use]
    pub fn named_returned(&self) -> BTreeSet<Position> {
        let counts = |position: &&Position| self.alone == Alone::Held || !self.is_suspected(**position);
        let named = self.named.iter().filter(|position| self.returned.contains_key(position));
        named.filter(counts).copied().collect()
    }

    /// Forgets entries of the dead-letter store that are no longer in their lanes.
    pub fn keep_returned(&mut self, is_under_way: impl Fn(Position) -> bool) {
        let gone = self.returned.extract_if(.., |position, _| !is_under_way(*position));
        gone.for_each(|(position, _)| _ = self.named.remove(&position));
    }

    /// Attempts that start as soon as their mark is stored: [`Solo::grant`](super::Solo::grant) counts them with those that run.
    #[must_use]
    pub fn about_to_start(&self) -> usize {
        self.chosen.len()
    }

    /// Whether suspects wait for the process.
    #[must_use]
    pub fn waits_to_be_alone(&self) -> bool {
        self.alone == Alone::Asked
    }

    /// Whether what starts now has the process alone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.alone == Alone::Held
    }

    /// The tenure ends in order, with nothing running: the checkpoint that is taken next says so.
    pub fn release(&mut self) {
        self.released = true;
        self.named.clear();
    }

    /// What every checkpoint of this tenure carries.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let mut entries: BTreeMap<Position, Mark> = BTreeMap::new();
        for (position, lone) in &self.suspects {
            entries.insert(*position, Mark { position: *position, lone: *lone, named: Named::No });
        }
        let named = if self.alone == Alone::Held { Named::Alone } else { Named::Among };
        for position in &self.named {
            let suspected = self.suspects.get(position);
            if suspected.is_none() && self.returned.contains_key(position) {
                continue;
            }
            let lone = suspected.copied().unwrap_or(0);
            entries.insert(*position, Mark { position: *position, lone, named });
        }
        let (open, entries) = (!self.released, entries.into_values().collect());
        Marks { open, process: if open { self.process } else { 0 }, crashes: self.crashes, entries }
    }

    /// Notes what happened. [`turn`](Self::turn) decides, once for all that was noted.
    pub fn step(&mut self, input: ProbationInput, out: &mut Vec<ProbationAction>) {
        match input {
            ProbationInput::Opened(position) => self.opened(position),
            ProbationInput::Returned(position, crashes) => drop(self.returned.insert(position, crashes)),
            ProbationInput::Ready(position) if self.is_convicted(position) => {
                out.push(ProbationAction::Bury(position));
            }
            ProbationInput::Ready(position) => drop(self.waiting.insert(position)),
            ProbationInput::Marked(stored) => self.marked(stored, out),
            ProbationInput::Granted => {
                // Nothing runs: whoever is still named has ended, and is not alone with what comes.
                self.named.clear();
                self.alone = Alone::Held;
            }
            ProbationInput::Hangs => {
                if self.alone == Alone::Held && !self.running.is_empty() {
                    self.alone = Alone::Yields;
                }
            }
            ProbationInput::Ended(position, terminal) => {
                self.running.remove(&position);
                if terminal {
                    self.suspects.remove(&position);
                }
            }
            ProbationInput::Watermark(upto) => {
                self.suspects.retain(|position, _| !upto.is_past(*position));
                self.survived |= self.end.is_some_and(|end| upto.is_past(end));
            }
            ProbationInput::Quiet => {
                self.suspects.clear();
                self.survived = true;
            }
        }
    }

    fn is_convicted(&self, position: Position) -> bool {
        self.is_suspected(position) && self.lone_crashes(position) >= self.policy.lone
    }

    /// Whether it has to run alone: it was named at a crash.
    fn is_suspected(&self, position: Position) -> bool {
        let is_named = |crashes: &u32| *crashes > self.policy.after;
        // Under `Block` a suspect of the log may have a letter that comes back: they are one event.
        self.suspects.contains_key(&position) || self.returned.get(&position).is_some_and(is_named)
    }

    fn opened(&mut self, position: Position) {
        if self.ahead > 0 {
            self.ahead -= 1;
            self.end = (self.ahead == 0).then_some(position);
        }
    }

    fn marked(&mut self, stored: bool, out: &mut Vec<ProbationAction>) {
        if !std::mem::take(&mut self.marking) {
            return;
        }
        let chosen = std::mem::take(&mut self.chosen);
        if !stored {
            self.waiting.extend(chosen);
            return;
        }
        self.begun = true;
        if self.alone == Alone::Yields || self.alone == Alone::Held && self.named.is_empty() {
            self.alone = Alone::No;
            out.push(ProbationAction::LetGo);
        }
        out.extend(chosen.iter().copied().map(ProbationAction::Run));
        self.running.extend(chosen);
    }

    /// Decides, after what was noted and whenever `free` changes: whether anything may start in the process that nobody asked to
    /// run alone, see [`Solo::may_start`](super::Solo::may_start). Where nothing [holds starts](Self::holds_starts) and nobody
    /// waits any more, it need not be asked.
    pub fn turn(&mut self, free: bool, out: &mut Vec<ProbationAction>) {
        if self.marking {
            return;
        }
        if !self.begun {
            self.mark(out);
        } else if self.alone == Alone::Yields {
            // It stays named, among those that start now.
            self.mark(out);
        } else if self.alone == Alone::Held {
            self.turn_alone(out);
        } else {
            self.leave(out);
            self.turn_among(free, out);
        }
    }

    fn mark(&mut self, out: &mut Vec<ProbationAction>) {
        self.marking = true;
        out.push(ProbationAction::Mark);
    }

    /// One suspect after the other. The one before is no longer named when the next one is, nor when others start again:
    /// else it would be blamed for what they do.
    fn turn_alone(&mut self, out: &mut Vec<ProbationAction>) {
        if !self.running.is_empty() {
            return;
        }
        let next = self.waiting.iter().find(|position| self.is_suspected(**position)).copied();
        self.named = next.into_iter().collect();
        if let Some(next) = next {
            self.waiting.remove(&next);
            self.chosen = [next].into();
        }
        self.mark(out);
    }

    /// The trial is survived: the row of crashes is over.
    fn leave(&mut self, out: &mut Vec<ProbationAction>) {
        if self.crashes > 0 && self.survived && self.suspects.is_empty() {
            self.crashes = 0;
            self.named.clear();
            out.push(ProbationAction::Leave);
        }
    }

    fn turn_among(&mut self, free: bool, out: &mut Vec<ProbationAction>) {
        if !self.is_on_probation() {
            if !free {
                return;
            }
            // Without probation nobody asks how attempts end.
            self.running.clear();
            out.extend(std::mem::take(&mut self.waiting).into_iter().map(ProbationAction::Run));
            return;
        }
        let waits = self.waiting.iter().any(|position| self.is_suspected(*position));
        if waits && self.alone == Alone::No {
            self.alone = Alone::Asked;
            return out.push(ProbationAction::AskAlone);
        }
        let room = self.policy.batch.saturating_sub(self.running.len());
        if !free {
            return;
        }
        // Where suspects wait and others may start, something hangs that the suspects must not run beside.
        let others = self.waiting.iter().filter(|position| !self.is_suspected(**position));
        self.chosen = others.take(room).copied().collect();
        if self.chosen.is_empty() {
            return;
        }
        self.waiting.retain(|position| !self.chosen.contains(position));
        self.named = self.running.union(&self.chosen).copied().collect();
        self.mark(out);
    }
}

#[cfg(test)]
#[path = "probation_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "probation_returned_tests.rs"]
mod returned_tests;
